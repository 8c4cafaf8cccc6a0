//! TCP sockets, one by one in the kernel and in classes here.

use crate::metrics::Kind::{Counter, Gauge};

families! { "tcp";
    SOCKETS: Gauge, "odin_tcp_sockets",
        [state("established,syn_sent,syn_recv,fin_wait1,fin_wait2,time_wait,close,close_wait,last_ack,listen,\
                closing"), family("ipv4,ipv6")], "sockets", "TCP sockets";
    CONGESTION_SOCKETS: Gauge, "odin_tcp_congestion_sockets", [algorithm], "sockets",
        "Sockets by congestion control";
    SOCKET_RTT_SECONDS: Gauge, "odin_tcp_socket_rtt_seconds",
        [peer("claude_api,loopback,lan,cluster,internet,other"), stat("p50,p90,max")], "seconds",
        "Round-trip time over the sockets open now: a snapshot";
    SOCKET_CWND_SEGMENTS: Gauge, "odin_tcp_socket_cwnd_segments",
        [peer("claude_api,loopback,lan,cluster,internet,other"), stat("p50,p90,max")], "segments",
        "Congestion window, snapshot";
    SOCKET_UNACKED_SEGMENTS: Gauge, "odin_tcp_socket_unacked_segments",
        [peer("claude_api,loopback,lan,cluster,internet,other"), stat("p50,p90,max")], "segments",
        "Segments in flight, snapshot";
    SOCKET_DELIVERY_RATE_BYTES_PER_SECOND: Gauge, "odin_tcp_socket_delivery_rate_bytes_per_second",
        [peer("claude_api,loopback,lan,cluster,internet,other"), stat("p50,p90,max")], "bytes per second",
        "Delivery rate, snapshot";
    SOCKET_NOTSENT_BYTES: Gauge, "odin_tcp_socket_notsent_bytes",
        [peer("claude_api,loopback,lan,cluster,internet,other"), stat("p50,p90,max")], "bytes",
        "Bytes not yet sent, snapshot";
    PEER_RETRANSMITTED_SEGMENTS: Counter, "odin_tcp_peer_retransmitted_segments_total",
        [peer("claude_api,loopback,lan,cluster,internet,other")], "segments",
        "Sum of per-socket deltas by peer class";
    PEER_SENT_SEGMENTS: Counter, "odin_tcp_peer_sent_segments_total",
        [peer("claude_api,loopback,lan,cluster,internet,other")], "segments",
        "Sum of per-socket deltas by peer class";
    PEER_LOST_SEGMENTS: Counter, "odin_tcp_peer_lost_segments_total",
        [peer("claude_api,loopback,lan,cluster,internet,other")], "segments",
        "Sum of per-socket rises of the lost count, between reads: a lower bound";
}
