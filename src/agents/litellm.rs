//! LiteLLM.

pub mod wire;
