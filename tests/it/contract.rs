//! The contract, held to the running service.
