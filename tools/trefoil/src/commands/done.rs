//! Commands whose only result is that it is done.

use crate::commands::CommonArgs;
use crate::control;
use crate::control::client::unexpected;
use crate::control::protocol::{Reply, Request};
use crate::failure::Failure;
use crate::output;

/// Asks for something, and prints `verb` (`deleted`, `mounted`) with the name of what it was done
/// to.
pub(super) fn ask(
    common: &CommonArgs,
    what: &str,
    request: &Request,
    (verb, name): (&'static str, &str),
) -> Result<(), Failure> {
    match control::call(common.pool.devices()?, what, request, &mut |_| {})? {
        Reply::Done {} => {
            let done = std::collections::BTreeMap::from([(verb, name)]);
            output::print(common.format(), &done, |_| {
                output::table(&[], &[vec![verb.to_owned(), name.to_owned()]])
            })
        }
        _ => Err(unexpected(what)),
    }
}
