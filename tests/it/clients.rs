//! Who is let in, by which header, and what becomes of the others.

/// A client key as `jobgate key new` makes them.
pub(crate) const KEY: &str = "jg_0123456789abcdef0123456789abcdef";
