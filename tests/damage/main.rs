//! Damage: pools with one bit flipped, or one file cut off, anywhere.
//!
//! For each: a check reports it; and opening the pool and reading every volume gives exactly the
//! right bytes or an error, never wrong bytes, a panic or a hang. Excepted is the last sync round
//! of the journal, for which nothing vouches yet: damage there looks like the torn tail that a
//! power cut leaves, and the pool comes up as it was at some moment since the sync before.
//!
//! All of it runs on bytes in memory that are patched in place. By default a sample of bits is
//! flipped, the same each time. With the feature `all` every bit is: of each it is asked whether
//! the engine's decoder refuses it and why; some of each reason, and all that are not refused, are
//! then judged as a whole, by check, opening and reading.

#[cfg(test)]
mod cutoffs;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod decode;
#[cfg(test)]
mod device;
#[cfg(test)]
mod files;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod history;
#[cfg(test)]
mod missing;
#[cfg(test)]
mod named;
#[cfg(test)]
mod pools;
#[cfg(test)]
mod regions;
#[cfg(test)]
mod salvage;
#[cfg(test)]
mod verdict;
