//! Rules that no given recording covers.
