//! The few integer conversions that the engine needs, checked once here.

const _: () = assert!(
    size_of::<usize>() == size_of::<u64>(),
    "Trefoil needs a 64-bit target"
);

/// `u64` to `usize`: lossless on the targets that the assertion above admits.
#[must_use]
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize is 64 bits wide: asserted above"
)]
pub const fn to_usize(value: u64) -> usize {
    value as usize
}

/// `usize` to `u32` for lengths that a limit keeps small.
///
/// # Panics
/// If `value` does not fit: a limit of [`crate::limits`] was not checked before (programmer error).
#[must_use]
#[inline]
pub fn to_u32(value: usize) -> u32 {
    u32::try_from(value).expect("length was bounded by a limit below 4 GiB")
}

/// Rounds up to a multiple of `alignment`, a power of two.
#[must_use]
#[inline]
pub const fn align_up(value: u64, alignment: u64) -> u64 {
    debug_assert!(alignment.is_power_of_two());
    (value + (alignment - 1)) & !(alignment - 1)
}

/// Rounds down to a multiple of `alignment`, a power of two.
#[must_use]
#[inline]
pub const fn align_down(value: u64, alignment: u64) -> u64 {
    debug_assert!(alignment.is_power_of_two());
    value & !(alignment - 1)
}
