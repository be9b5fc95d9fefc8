//! Extents that refer to shared bytes.

use super::ExtentRef;

impl ExtentRef<'_> {
    /// The same extent as one of several that refer to the same stored bytes: each of them is
    /// recorded under those, too.
    #[must_use]
    pub const fn shared(self) -> Self {
        Self {
            is_shared: true,
            ..self
        }
    }

    /// Whether others may refer to the same stored bytes.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.is_shared
    }
}
