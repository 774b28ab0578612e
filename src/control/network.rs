//! How requests leave this machine, as the configuration says.

use crate::config::Config;
use crate::upstream::NetworkSettings;

/// What a [`crate::upstream::Network`] is made with.
pub fn settings(config: &Config) -> NetworkSettings {
    NetworkSettings {
        connect_timeout: config.limits.connect_timeout,
        proxy: config.network.proxy.clone(),
        no_proxy: config.network.no_proxy.clone(),
        ca_file: config.network.ca_file.clone(),
    }
}
