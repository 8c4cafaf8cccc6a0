//! The wireless link.

use crate::metrics::Kind::{Counter, Gauge};

families! { "wifi";
    SIGNAL_DBM: Gauge, "odin_wifi_signal_dbm", [device], "dBm", "Signal strength";
    BITRATE_BITS_PER_SECOND: Gauge, "odin_wifi_bitrate_bits_per_second",
        [device, direction("receive,transmit")], "bits per second", "Link bit rate";
    RETRIES: Counter, "odin_wifi_retries_total", [device], "packets", "Transmit retries";
    BEACON_LOSS: Counter, "odin_wifi_beacon_loss_total", [device], "events", "Beacon losses";
    FREQUENCY_HERTZ: Gauge, "odin_wifi_frequency_hertz", [device], "hertz", "Channel frequency";
    INTERFACE_FREQUENCY_HERTZ: Gauge, "node_wifi_interface_frequency_hertz", [device], "hertz",
        "The current frequency a WiFi interface is operating at, in hertz";
}
