//! Devices as the control socket shows them.

use serde::{Deserialize, Serialize};

/// A device of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceRow {
    pub(crate) path: String,
    /// `healthy`, `resyncing`, `failed` or `missing`.
    pub(crate) health: Health,
    /// Why it is not healthy; of a pool on one device, why that is read-only.
    pub(crate) failed: Option<String>,
    /// Empty where the pool lies on one device.
    pub(crate) id: String,
    /// Bytes that the pool takes of it.
    pub(crate) size: u64,
    /// Bytes still to be copied to it, and those there were when that began.
    pub(crate) missing: u64,
    pub(crate) missed: u64,
    /// Calls that failed, and stretches that were bad and have been rewritten, since the start.
    pub(crate) errors: u64,
    pub(crate) repaired: u64,
}

/// What a device is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    #[default]
    Healthy,
    /// It is being brought up to date.
    Resyncing,
    Failed,
    Missing,
}

impl DeviceRow {
    /// The state for people, with the progress.
    pub(crate) fn state(&self) -> String {
        let cause = self
            .failed
            .as_deref()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        match self.health {
            Health::Healthy => "healthy".to_owned(),
            Health::Resyncing => {
                let done = self.missed.saturating_sub(self.missing);
                let percent = (done * 100).checked_div(self.missed).unwrap_or(100);
                format!(
                    "resyncing, {percent} %, {} to go",
                    crate::output::size(self.missing)
                )
            }
            Health::Failed => format!("failed{cause}"),
            Health::Missing => format!("missing{cause}"),
        }
    }
}
