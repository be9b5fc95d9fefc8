//! Whether devices belong together, and which is which.

use engine_base::DeviceId;
use engine_format::Membership;

use super::Found;

/// Whether they are of one pool and of one history.
pub(super) fn check_history(found: &[Found], newest: &Found) -> Result<(), String> {
    for other in found {
        if other.record.set != newest.record.set {
            return Err(format!(
                "{} and {} belong to different pools; give the devices of one",
                newest.name, other.name
            ));
        }
        match newest.record.came_from(&other.record) {
            Some(true) => {}
            Some(false) => {
                return Err(format!(
                    "{} and {} were each used without the other: they hold two histories, which \
                     are never merged; give only the one to keep, and after it is open wipe the \
                     other one and `device replace` it",
                    newest.name, other.name
                ));
            }
            None => {
                return Err(format!(
                    "{} has been away for too long; leave it out, wipe it and `device replace` it",
                    other.name
                ));
            }
        }
    }
    Ok(())
}

/// For each member the number of the device that is it.
pub(super) fn place_devices(
    found: &[Found],
    record: &Membership,
) -> Result<Vec<Option<usize>>, String> {
    let mut devices = vec![None; record.members.len()];
    for (number, device) in found.iter().enumerate() {
        let id: DeviceId = device.record.device;
        let place = record.position(id).and_then(|at| devices.get_mut(at));
        match place {
            Some(place @ None) => *place = Some(number),
            Some(Some(_)) => {
                return Err(format!(
                    "{} is given twice, or is a copy of another device; leave one out",
                    device.name
                ));
            }
            None => {
                return Err(format!(
                    "{} was replaced by another device; leave it out",
                    device.name
                ));
            }
        }
    }
    Ok(devices)
}
