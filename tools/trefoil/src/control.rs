//! The control socket: how the commands reach the server that has the pool open.

pub(crate) mod client;
mod handler;
mod listener;
pub(crate) mod protocol;
mod server;

pub(crate) use client::call;
pub(crate) use handler::Handler;
pub(crate) use listener::Listening;
pub(crate) use server::Server;
