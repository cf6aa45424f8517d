//! The process as the system sees it, under the names that every Prometheus client library uses.
//!
//! Read from `/proc` for each scrape; where there is none, the family is left out.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

#[derive(Debug)]
struct Process {
    started: SystemTime,
}

pub(super) fn register(registry: &mut Registry, started: SystemTime) {
    registry.register_collector(Box::new(Process { started }));
}

// === impl Process ===

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encoder
            .encode_descriptor(
                "process_cpu",
                "CPU time spent, user and system.",
                Some(&Unit::Seconds),
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&cpu_seconds(), None)?;
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        encoder
            .encode_descriptor(
                "process_start_time",
                "When the process started, in Unix time.",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?
            .encode_gauge(&started.as_secs_f64())?;
        let counts = [
            (
                "process_resident_memory",
                Some(&Unit::Bytes),
                "Memory held in RAM.",
                resident_bytes(),
            ),
            (
                "process_open_fds",
                None,
                "Open file descriptors.",
                open_descriptors(),
            ),
            (
                "process_max_fds",
                None,
                "Most file descriptors that may be open.",
                getrlimit(Resource::Nofile).current,
            ),
        ];
        for (name, unit, help, count) in counts {
            if let Some(count) = count {
                encoder
                    .encode_descriptor(name, help, unit, MetricType::Gauge)?
                    .encode_gauge(&count)?;
            }
        }
        Ok(())
    }
}

fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime); // CPU time, not the time of day: no business of clock.rs
    std::time::Duration::try_from(spent)
        .unwrap_or_default()
        .as_secs_f64()
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn open_descriptors() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(open).ok()?.checked_sub(1) // the one that reads the folder
}
