//! Names of members that are not where they were.

use engine_format::MemberRecord;

use super::Found;
use crate::mirror::open::short_name;

/// Another member may lie now where it was: that path is not what is missing.
pub(super) fn name_of_absent(entry: &MemberRecord, found: &[Found]) -> String {
    let is_there = |found: &Found| short_name(&found.name) == entry.name;
    if found.iter().any(is_there) {
        return format!(
            "device {} (another one lies now at {}, where it was)",
            entry.device, entry.name
        );
    }
    entry.name.clone()
}
