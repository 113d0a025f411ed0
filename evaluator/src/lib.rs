#![doc = include_str!("../README.md")]

pub mod judge;
mod library;
mod session;
mod worker;

pub use worker::{Config, Evaluator};
