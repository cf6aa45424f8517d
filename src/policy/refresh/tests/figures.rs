//! The table of the module's doc: the share of wrong answers with a fixed lifetime, with the policy and of the oracle.

use std::time::Duration;

use super::play::{ByLifetime, ByPolicy, play};
use super::world::{Setup, World};

/// The best lifetime there is for the default world; one, three and ten minutes are worse.
const LIFETIME: Duration = Duration::from_secs(360);

const HOURS: f64 = 3_600.0;

fn worlds() -> Vec<Vec<Setup>> {
    let default = Setup::DEFAULT;
    let others = [
        Setup {
            name: "mix 20,30",
            mix: [20, 30],
            ..default
        },
        Setup {
            name: "mix 1,10",
            mix: [1, 10],
            ..default
        },
        Setup {
            name: "gaps 60,600,7200",
            gaps: [60.0, 600.0, 7_200.0],
            ..default
        },
        Setup {
            name: "gaps 900,3600,86400",
            gaps: [900.0, 3_600.0, 86_400.0],
            ..default
        },
        Setup {
            name: "build 30",
            build: 30.0,
            ..default
        },
        Setup {
            name: "build 300",
            build: 300.0,
            ..default
        },
        Setup {
            name: "shift",
            shift: true,
            ..default
        },
        Setup {
            name: "1000 jobs, 80 pollers",
            jobs: 1_000,
            pollers: 80,
            ..default
        },
        Setup {
            name: "quota 10, after 1 h",
            quota: 10,
            warm_up: HOURS,
            ..default
        },
        Setup {
            name: "quota 200",
            quota: 200,
            ..default
        },
        Setup {
            name: "40 jobs that build most of the time",
            jobs: 40,
            mix: [60, 40],
            gaps: [40.0, 100.0, 900.0],
            ..default
        },
        Setup {
            name: "polled each minute",
            period: 60.0,
            ..default
        },
        Setup {
            name: "default, after 8 h",
            warm_up: 8.0 * HOURS,
            ..default
        },
    ];
    let seeds = |setup: Setup, seeds: u64| (1..=seeds).map(move |seed| Setup { seed, ..setup });
    let mut worlds: Vec<Vec<Setup>> = seeds(default, 5).map(|setup| vec![setup]).collect();
    worlds.push(seeds(default, 20).collect());
    worlds.extend(others.map(|setup| seeds(setup, 5).collect()));
    worlds
}

#[test]
#[ignore = "prints a table, for a minute"]
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn the_table_of_the_doc() {
    println!(
        "| world | fixed 6 min | policy | policy, no build times | oracle | ratio | worst | unanswered | looks a minute |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for setups in worlds() {
        let (first, count) = (setups[0], setups.len());
        let mut sums = [0.0; 4];
        let (mut worst, mut unanswered, mut looks) = (0.0_f64, 0, 0);
        for setup in setups {
            let world = World::new(setup);
            let policy = play(&world, |now| ByPolicy::new(&world, true, now));
            let blind = play(&world, |now| ByPolicy::new(&world, false, now));
            let fixed = play(&world, |_| ByLifetime::new(&world, LIFETIME));
            let row = [fixed.wrong, policy.wrong, blind.wrong, world.oracle()];
            worst = worst.max(row[1] / row[3]);
            unanswered += policy.unanswered;
            looks += policy.looks;
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        looks /= 30 * u32::try_from(count).unwrap();
        let name = match count {
            1 => format!("{}, seed {}", first.name, first.seed),
            _ => format!("{}, seeds 1 to {count}", first.name),
        };
        let [fixed, policy, blind, oracle] =
            sums.map(|sum| sum / f64::from(u32::try_from(count).unwrap()));
        let ratio = policy / oracle;
        println!(
            "| {name} | {fixed:.1} | {policy:.2} | {blind:.2} | {oracle:.2} | {ratio:.2} | {worst:.2} | {unanswered} | {looks} |"
        );
    }
}
