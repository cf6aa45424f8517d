//! Which job is asked for: an id is parsed once and trusted afterwards.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// Characters in a job id (upstream's document: "exactly 32 characters, letters and digits").
const JOB_ID_CHARS: usize = 32;

/// A job id: exactly 32 of `[0-9A-Za-z]`, case kept, never folded. Two spellings are two jobs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId([u8; JOB_ID_CHARS]);

// === impl JobId ===

impl JobId {
    /// Parses one raw path segment, after one percent-decoding.
    ///
    /// # Errors
    /// [`Error::InvalidJobId`] for anything that is not 32 ASCII letters and digits.
    pub fn parse(segment: &str) -> Result<Self, Error> {
        let decoded = if segment.contains('%') {
            Cow::from(percent_decode_str(segment))
        } else {
            Cow::from(segment.as_bytes())
        };
        match <[u8; JOB_ID_CHARS]>::try_from(decoded.as_ref()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(Error::InvalidJobId),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default() // ASCII by construction
    }

    /// The path of the job's info call, at upstream and (below `base_path`) here.
    #[must_use]
    pub fn info_path(&self) -> String {
        format!("/v1/job/{self}/info")
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::JobId;

    const ID: &str = "901878212b1a49be9c1a1054c272762a";

    #[test]
    fn one_percent_decoding_and_no_more() {
        let encoded = ID.replacen('9', "%39", 1);
        assert_eq!(JobId::parse(&encoded).unwrap().as_str(), ID);
        let twice = ID.replacen('9', "%2539", 1);
        assert!(JobId::parse(&twice).is_err());
    }

    #[test]
    fn what_is_not_32_letters_and_digits_is_refused() {
        let long = format!("{ID}0");
        let short = ID.get(1..).unwrap();
        let slash = ID.replacen("90", "%2F", 1);
        let wide = format!("{}é", ID.get(2..).unwrap()); // 31 characters, 32 bytes
        let dash = ID.replacen('9', "-", 1);
        let nul = ID.replacen('9', "%00", 1);
        let cut = format!("{}%3", ID.get(2..).unwrap());
        for bad in [
            "",
            ".",
            "..",
            long.as_str(),
            short,
            &slash,
            &wide,
            &dash,
            &nul,
            &cut,
        ] {
            assert!(JobId::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_well_formed_id_survives_unchanged(id in "[0-9A-Za-z]{32}") {
            prop_assert_eq!(JobId::parse(&id).unwrap().to_string(), id);
        }

        #[test]
        fn whatever_is_accepted_is_32_letters_and_digits(
            segment in prop_oneof![any::<String>(), "[0-9A-Za-z%]{30,40}", Just("%".repeat(32))]
        ) {
            if let Ok(id) = JobId::parse(&segment) {
                prop_assert!(id.as_str().len() == 32 && id.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
            }
        }
    }
}
