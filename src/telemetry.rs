//! What the gateway says about itself: metric families, the access log and the diagnostic log.
//!
//! Everything is declared once and handed to the layers as small structs whose series are already resolved, so that
//! counting a hit is a few plain additions and logging it is a copy into a buffer. No lock is ever waited for, no
//! system call made and nothing sent over a channel on the way of a request. Layers never name a metric; the admin
//! side never keeps a count of its own. No job id, path or error text is ever a label.

pub mod access;
pub mod lines;
pub mod logging;
pub mod metrics;

mod per_thread;
mod stamp;
