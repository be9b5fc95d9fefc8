//! The block model.
