//! The only integration test binary.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod architecture;
mod archive;
mod as_of;
mod audit;
mod backup;
mod bad_input;
mod bench;
mod chaos;
mod circles;
mod cli;
mod divergence;
mod docker;
mod event_store;
mod full_disk;
mod graphql_ws;
mod journeys;
mod languages;
mod malformed;
mod package_journey;
mod packages;
mod problem_pages;
mod read_model;
mod rejudge;
mod replay;
mod schema;
mod sign_in;
mod sockets;
mod startup;
mod supervision;
mod takeover;
mod tampering;
mod uneven_machines;
mod uploads;
mod views;
mod webhooks;
