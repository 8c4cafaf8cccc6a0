//! Counts of the protocols, those that `node_exporter` has by default; and those of TCP as counters.

use crate::metrics::Kind::{Counter, Untyped};

families! { "netstat";
    ICMP6_IN_ERRORS: Untyped, "node_netstat_Icmp6_InErrors", [], "messages",
        "Icmp6 InErrors; default field of node_exporter";
    ICMP6_IN_MSGS: Untyped, "node_netstat_Icmp6_InMsgs", [], "messages",
        "Icmp6 InMsgs; default field of node_exporter";
    ICMP6_OUT_MSGS: Untyped, "node_netstat_Icmp6_OutMsgs", [], "messages",
        "Icmp6 OutMsgs; default field of node_exporter";
    ICMP_IN_ERRORS: Untyped, "node_netstat_Icmp_InErrors", [], "messages",
        "Icmp InErrors; default field of node_exporter";
    ICMP_IN_MSGS: Untyped, "node_netstat_Icmp_InMsgs", [], "messages",
        "Icmp InMsgs; default field of node_exporter";
    ICMP_OUT_MSGS: Untyped, "node_netstat_Icmp_OutMsgs", [], "messages",
        "Icmp OutMsgs; default field of node_exporter";
    IP6_IN_OCTETS: Untyped, "node_netstat_Ip6_InOctets", [], "bytes",
        "Ip6 InOctets; default field of node_exporter";
    IP6_OUT_OCTETS: Untyped, "node_netstat_Ip6_OutOctets", [], "bytes",
        "Ip6 OutOctets; default field of node_exporter";
    IP_EXT_IN_OCTETS: Untyped, "node_netstat_IpExt_InOctets", [], "bytes",
        "IpExt InOctets; default field of node_exporter";
    IP_EXT_OUT_OCTETS: Untyped, "node_netstat_IpExt_OutOctets", [], "bytes",
        "IpExt OutOctets; default field of node_exporter";
    IP_FORWARDING: Untyped, "node_netstat_Ip_Forwarding", [], "number",
        "Ip Forwarding; default field of node_exporter";
    TCP_EXT_LISTEN_DROPS: Untyped, "node_netstat_TcpExt_ListenDrops", [], "connections",
        "TcpExt ListenDrops; default field of node_exporter";
    TCP_EXT_LISTEN_OVERFLOWS: Untyped, "node_netstat_TcpExt_ListenOverflows", [], "connections",
        "TcpExt ListenOverflows; default field of node_exporter";
    TCP_EXT_SYNCOOKIES_FAILED: Untyped, "node_netstat_TcpExt_SyncookiesFailed", [], "segments",
        "TcpExt SyncookiesFailed; default field of node_exporter";
    TCP_EXT_SYNCOOKIES_RECV: Untyped, "node_netstat_TcpExt_SyncookiesRecv", [], "segments",
        "TcpExt SyncookiesRecv; default field of node_exporter";
    TCP_EXT_SYNCOOKIES_SENT: Untyped, "node_netstat_TcpExt_SyncookiesSent", [], "segments",
        "TcpExt SyncookiesSent; default field of node_exporter";
    TCP_EXT_TCPOFOQUEUE: Untyped, "node_netstat_TcpExt_TCPOFOQueue", [], "segments",
        "TcpExt TCPOFOQueue; default field of node_exporter";
    TCP_EXT_TCPRCV_QDROP: Untyped, "node_netstat_TcpExt_TCPRcvQDrop", [], "segments",
        "TcpExt TCPRcvQDrop; default field of node_exporter";
    TCP_EXT_TCPSYN_RETRANS: Untyped, "node_netstat_TcpExt_TCPSynRetrans", [], "segments",
        "TcpExt TCPSynRetrans; default field of node_exporter";
    TCP_EXT_TCPTIMEOUTS: Untyped, "node_netstat_TcpExt_TCPTimeouts", [], "timeouts",
        "TcpExt TCPTimeouts; default field of node_exporter";
    TCP_ACTIVE_OPENS: Untyped, "node_netstat_Tcp_ActiveOpens", [], "connections",
        "Tcp ActiveOpens; default field of node_exporter";
    TCP_CURR_ESTAB: Untyped, "node_netstat_Tcp_CurrEstab", [], "connections",
        "Tcp CurrEstab; default field of node_exporter";
    TCP_IN_ERRS: Untyped, "node_netstat_Tcp_InErrs", [], "segments",
        "Tcp InErrs; default field of node_exporter";
    TCP_IN_SEGS: Untyped, "node_netstat_Tcp_InSegs", [], "segments",
        "Tcp InSegs; default field of node_exporter";
    TCP_OUT_RSTS: Untyped, "node_netstat_Tcp_OutRsts", [], "segments",
        "Tcp OutRsts; default field of node_exporter";
    TCP_OUT_SEGS: Untyped, "node_netstat_Tcp_OutSegs", [], "segments",
        "Tcp OutSegs; default field of node_exporter";
    TCP_PASSIVE_OPENS: Untyped, "node_netstat_Tcp_PassiveOpens", [], "connections",
        "Tcp PassiveOpens; default field of node_exporter";
    TCP_RETRANS_SEGS: Untyped, "node_netstat_Tcp_RetransSegs", [], "segments",
        "Tcp RetransSegs; default field of node_exporter";
    UDP6_IN_DATAGRAMS: Untyped, "node_netstat_Udp6_InDatagrams", [], "datagrams",
        "Udp6 InDatagrams; default field of node_exporter";
    UDP6_IN_ERRORS: Untyped, "node_netstat_Udp6_InErrors", [], "datagrams",
        "Udp6 InErrors; default field of node_exporter";
    UDP6_NO_PORTS: Untyped, "node_netstat_Udp6_NoPorts", [], "datagrams",
        "Udp6 NoPorts; default field of node_exporter";
    UDP6_OUT_DATAGRAMS: Untyped, "node_netstat_Udp6_OutDatagrams", [], "datagrams",
        "Udp6 OutDatagrams; default field of node_exporter";
    UDP6_RCVBUF_ERRORS: Untyped, "node_netstat_Udp6_RcvbufErrors", [], "datagrams",
        "Udp6 RcvbufErrors; default field of node_exporter";
    UDP6_SNDBUF_ERRORS: Untyped, "node_netstat_Udp6_SndbufErrors", [], "datagrams",
        "Udp6 SndbufErrors; default field of node_exporter";
    UDP_LITE6_IN_ERRORS: Untyped, "node_netstat_UdpLite6_InErrors", [], "datagrams",
        "UdpLite6 InErrors; default field of node_exporter";
    UDP_LITE_IN_ERRORS: Untyped, "node_netstat_UdpLite_InErrors", [], "datagrams",
        "UdpLite InErrors; default field of node_exporter";
    UDP_IN_DATAGRAMS: Untyped, "node_netstat_Udp_InDatagrams", [], "datagrams",
        "Udp InDatagrams; default field of node_exporter";
    UDP_IN_ERRORS: Untyped, "node_netstat_Udp_InErrors", [], "datagrams",
        "Udp InErrors; default field of node_exporter";
    UDP_NO_PORTS: Untyped, "node_netstat_Udp_NoPorts", [], "datagrams",
        "Udp NoPorts; default field of node_exporter";
    UDP_OUT_DATAGRAMS: Untyped, "node_netstat_Udp_OutDatagrams", [], "datagrams",
        "Udp OutDatagrams; default field of node_exporter";
    UDP_RCVBUF_ERRORS: Untyped, "node_netstat_Udp_RcvbufErrors", [], "datagrams",
        "Udp RcvbufErrors; default field of node_exporter";
    UDP_SNDBUF_ERRORS: Untyped, "node_netstat_Udp_SndbufErrors", [], "datagrams",
        "Udp SndbufErrors; default field of node_exporter";
    ATTEMPT_FAILS: Counter, "odin_tcp_attempt_fails_total", [], "connections", "Tcp AttemptFails";
    ESTAB_RESETS: Counter, "odin_tcp_estab_resets_total", [], "connections", "Tcp EstabResets";
    ACTIVE_OPENS: Counter, "odin_tcp_active_opens_total", [], "connections", "Tcp ActiveOpens";
    PASSIVE_OPENS: Counter, "odin_tcp_passive_opens_total", [], "connections", "Tcp PassiveOpens";
    SENT_SEGMENTS: Counter, "odin_tcp_sent_segments_total", [], "segments", "Tcp OutSegs";
    RECEIVED_SEGMENTS: Counter, "odin_tcp_received_segments_total", [], "segments", "Tcp InSegs";
    RETRANSMITTED_SEGMENTS: Counter, "odin_tcp_retransmitted_segments_total", [], "segments",
        "Tcp RetransSegs";
    RECEIVE_ERRORS: Counter, "odin_tcp_receive_errors_total", [], "segments", "Tcp InErrs";
    SENT_RESETS: Counter, "odin_tcp_sent_resets_total", [], "segments", "Tcp OutRsts";
    TIMEOUTS: Counter, "odin_tcp_timeouts_total", [], "timeouts", "TcpExt TCPTimeouts";
    LOST_RETRANSMITS: Counter, "odin_tcp_lost_retransmits_total", [], "segments",
        "TcpExt TCPLostRetransmit";
    SPURIOUS_RTOS: Counter, "odin_tcp_spurious_rtos_total", [], "timeouts", "TcpExt TCPSpuriousRTOs";
    SYN_RETRANSMITS: Counter, "odin_tcp_syn_retransmits_total", [], "segments", "TcpExt TCPSynRetrans";
    LISTEN_OVERFLOWS: Counter, "odin_tcp_listen_overflows_total", [], "connections",
        "TcpExt ListenOverflows";
    LISTEN_DROPS: Counter, "odin_tcp_listen_drops_total", [], "connections", "TcpExt ListenDrops";
}
