//! The public edge of a cluster: one TLS port where people sign in, agents' tunnels end, and MCP
//! traffic comes in.
//!
//! The proxy authenticates and routes. It decides nothing about roles: the evidence that a request
//! came with travels on to the agent, which verifies it again and decides.

mod basis;
mod clusters;
mod connection;
mod heartbeat;
mod hello;
mod ingress;
mod limit;
mod limits;
mod listener;
mod oauth;
mod relay;
mod service;
mod strangers;
mod unread;
mod web;

pub use limits::Limits;
pub use service::{Config, Proxy, ProxyError};
