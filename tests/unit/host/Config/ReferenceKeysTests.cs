using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

/// <summary>
/// Whoever starts from Tempo's reference of all keys, or from what a Tempo prints at /status/config, has every key in his file, most of
/// them at their defaults. Such a file starts here, too, and changes nothing.
/// </summary>
public class ReferenceKeysTests
{
    // What stands in the reference more than once.
    private static readonly Dictionary<string, string> Repeated = new()
    {
        ["«CLIENT»"] = """{pool_config: {checkinterval: 15s, healthcheckenabled: true, healthchecktimeout: 1s, maxconcurrenthealthchecks: 0}, remote_timeout: 5s, «GRPC»}""",
        ["«KVSTORE»"] = """kvstore: {store: inmemory, prefix: collectors/, consul: {host: "localhost:8500", acl_token: "", http_client_timeout: 20s, consistent_reads: false, watch_rate_limit: 1, watch_burst_size: 1, cas_retry_delay: 1s}, etcd: {endpoints: [], dial_timeout: 10s, max_retries: 10, «TLS», username: "", password: ""}, multi: {primary: "", secondary: "", mirror_enabled: false, mirror_timeout: 2s}}""",
        ["«GRPC»"] = """grpc_client_config: {max_recv_msg_size: 104857600, max_send_msg_size: 104857600, grpc_compression: snappy, rate_limit: 0, rate_limit_burst: 0, backoff_on_ratelimits: false, backoff_config: {min_period: 100ms, max_period: 10s, max_retries: 10}, initial_stream_window_size: 63KiB1023B, initial_connection_window_size: 63KiB1023B, «TLS», connect_timeout: 5s, connect_backoff_base_delay: 1s, connect_backoff_max_delay: 5s, cluster_validation: {label: ""}}""",
        ["«TLS»"] = """
            tls_enabled: false, tls_cert_path: "", tls_key_path: "", tls_ca_path: "", tls_server_name: "", tls_insecure_skip_verify: false, tls_cipher_suites: "", tls_min_version: ""
            """,
        ["«LISTENER»"] = """{cert: "", key: null, client_ca: "", cert_file: "", key_file: "", client_auth_type: "", client_ca_file: ""}""",
        ["«S3»"] = """{tls_cert_path: "", tls_key_path: "", tls_ca_path: "", tls_server_name: "", tls_insecure_skip_verify: false, tls_cipher_suites: "", tls_min_version: VersionTLS12, bucket: "", prefix: "", endpoint: "", region: "", access_key: "", secret_key: "", session_token: "", insecure: false, part_size: 0, hedge_requests_at: 0s, hedge_requests_up_to: 2, signature_v2: false, forcepathstyle: false, enable_dual_stack: false, bucket_lookup_type: 0, tags: {}, storage_class: "", metadata: {}, native_aws_auth_enabled: false, list_blocks_concurrency: 3, sse: {type: "", kms_key_id: "", kms_encryption_context: "", encryption_key: ""}}""",
        ["«GCS»"] = """{bucket_name: "", prefix: "", chunk_buffer_size: 10485760, endpoint: "", hedge_requests_at: 0s, hedge_requests_up_to: 2, insecure: false, object_cache_control: "", object_metadata: {}, list_blocks_concurrency: 3, max_retries: 3}""",
        ["«AZURE»"] = """{storage_account_name: "", storage_account_key: "", use_managed_identity: false, use_federated_token: false, user_assigned_id: "", container_name: "", prefix: "", endpoint_suffix: blob.core.windows.net, max_buffers: 4, buffer_size: 3145728, hedge_requests_at: 0s, hedge_requests_up_to: 2}""",
        ["«BLOCK»"] = """bloom_filter_false_positive: 0.01, bloom_filter_shard_size_bytes: 102400, version: vParquet4, parquet_row_group_size_bytes: 100000000, parquet_dedicated_columns: [{scope: resource, name: k8s.cluster.name, type: string, options: []}, {scope: span, name: http.response.status_code, type: int, options: []}]""",
        ["«SEARCH»"] = """search: {chunk_size_bytes: 1000000, prefetch_trace_count: 1000, read_buffer_count: 32, read_buffer_size_bytes: 1048576, cache_control: {footer: false, column_index: false, offset_index: false}}""",
        ["«COMPACTION»"] = """compaction_window: 1h0m0s, max_compaction_objects: 6000000, max_block_bytes: 107374182400, block_retention: 336h0m0s, compacted_block_retention: 1h0m0s, retention_concurrency: 10, max_time_per_tenant: 5m0s, compaction_cycle: 30s""",
    };

    private const string Reference = """
        target: all
        http_api_prefix: ""
        server:
          http_listen_network: tcp
          http_listen_address: ""
          http_listen_port: 3200
          http_listen_conn_limit: 0
          grpc_listen_network: tcp
          grpc_listen_address: ""
          grpc_listen_port: 9095
          grpc_listen_conn_limit: 0
          grpc_collect_max_streams_by_conn: true
          proxy_protocol_enabled: false
          tls_cipher_suites: ""
          tls_min_version: ""
          http_tls_config: «LISTENER»
          grpc_tls_config: «LISTENER»
          register_instrumentation: true
          report_grpc_codes_in_instrumentation_label_enabled: false
          graceful_shutdown_timeout: 30s
          http_server_read_timeout: 30s
          http_server_read_header_timeout: 0s
          http_server_write_timeout: 30s
          http_server_idle_timeout: 2m0s
          http_log_closed_connections_without_response_enabled: false
          grpc_server_max_recv_msg_size: 16777216
          grpc_server_max_send_msg_size: 16777216
          grpc_server_max_concurrent_streams: 100
          grpc_server_max_connection_idle: 2562047h47m16.854775807s
          grpc_server_max_connection_age: 2562047h47m16.854775807s
          grpc_server_max_connection_age_grace: 2562047h47m16.854775807s
          grpc_server_keepalive_time: 2h0m0s
          grpc_server_keepalive_timeout: 20s
          grpc_server_min_time_between_pings: 10s
          grpc_server_ping_without_stream_allowed: true
          grpc_server_num_workers: 0
          grpc_server_stats_tracking_enabled: true
          grpc_server_recv_buffer_pools_enabled: false
          log_format: logfmt
          log_level: info
          log_source_ips_enabled: false
          log_source_ips_full: false
          log_source_ips_header: ""
          log_source_ips_regex: ""
          log_request_headers: false
          log_request_at_info_level_enabled: false
          log_request_exclude_headers_list: ""
          trace_request_headers: false
          trace_request_exclude_headers_list: ""
          http_path_prefix: ""
          cluster_validation: {label: "", additional_labels: "", grpc: {enabled: false, soft_validation: false}, http: {enabled: false, soft_validation: false, excluded_paths: "", excluded_user_agents: ""}}
        internal_server: {http_listen_port: 3101, enable: false}
        distributor:
          ring: {«KVSTORE», heartbeat_period: 5s, heartbeat_timeout: 5m0s, instance_id: hostname, instance_interface_names: [eth0, en0], instance_port: 0, instance_addr: "", enable_inet6: false}
          receivers: {}
          override_ring_key: distributor
          forwarders: []
          usage: {cost_attribution: {max_cardinality: 10000, stale_duration: 15m0s}}
          ingester_write_path_enabled: true
          kafka_write_path_enabled: false
          kafka_config: {address: "", topic: ""}
          extend_writes: true
          retry_after_on_resource_exhausted: 0s
          max_attribute_bytes: 2048
        ingester_client: «CLIENT»
        metrics_generator_client: «CLIENT»
        live_store_client: «CLIENT»
        querier:
          search: {query_timeout: 30s}
          trace_by_id: {query_timeout: 10s, external: {endpoint: "", timeout: 10s}}
          metrics: {concurrent_blocks: 2, time_overlap_cutoff: 0.2}
          partition_ring: {minimize_requests: true, hedging_delay: 3s}
          max_concurrent_queries: 20
          frontend_worker: {frontend_address: "", dns_lookup_duration: 10s, parallelism: 2, match_max_concurrent: true, id: ""}
          shuffle_sharding_ingesters_enabled: false
          shuffle_sharding_ingesters_lookback_period: 1h0m0s
          query_relevant_ingesters: false
        query_frontend:
          max_outstanding_per_tenant: 2000
          max_batch_size: 7
          log_query_request_headers: ""
          max_retries: 2
          search: {concurrent_jobs: 1000, target_bytes_per_job: 104857600, default_result_limit: 20, max_result_limit: 0, max_duration: 168h0m0s, query_backend_after: 15m0s, query_ingesters_until: 30m0s, ingester_shards: 3, most_recent_shards: 200, default_spans_per_span_set: 3, max_spans_per_span_set: 100}
          trace_by_id: {query_shards: 50}
          metrics: {concurrent_jobs: 1000, target_bytes_per_job: 104857600, max_duration: 24h0m0s, query_backend_after: 30m0s, interval: 5m0s, max_exemplars: 100, streaming_shards: 200, max_intervals: 10000, max_response_series: 1000}
          multi_tenant_queries_enabled: true
          response_consumers: 10
          weights: {request_with_weights: true, retry_with_weights: true, max_traceql_conditions: 4, max_regex_conditions: 1}
          mcp_server: {enabled: false}
          max_query_expression_size_bytes: 131072
          rf1_after: 0001-01-01T00:00:00Z
          api_timeout: 0s
          query_end_cutoff: 30s
          max_grpc_streaming_packet_size: 1048576
        ingester:
          lifecycler: {ring: {«KVSTORE», heartbeat_timeout: 5m0s, replication_factor: 1, zone_awareness_enabled: false, excluded_zones: ""}, num_tokens: 128, heartbeat_period: 5s, heartbeat_timeout: 1m0s, observe_period: 0s, join_after: 0s, min_ready_duration: 15s, interface_names: [eth0], enable_inet6: false, final_sleep: 0s, tokens_file_path: "", availability_zone: "", unregister_on_shutdown: true, readiness_check_ring_health: true, address: "", port: 0, id: hostname}
          partition_ring: {«KVSTORE», min_partition_owners_count: 1, min_partition_owners_duration: 10s, delete_inactive_partition_after: 13h0m0s}
          concurrent_flushes: 4
          flush_check_period: 10s
          flush_op_timeout: 5m0s
          trace_idle_period: 5s
          trace_live_period: 30s
          max_block_duration: 30m0s
          max_block_bytes: 524288000
          complete_block_timeout: 15m0s
          override_ring_key: ring
          flush_all_on_shutdown: false
          flush_object_storage: true
        metrics_generator:
          ring: {«KVSTORE», heartbeat_period: 5s, heartbeat_timeout: 1m0s, instance_id: hostname, instance_interface_names: [eth0, en0], instance_addr: "", instance_port: 0, enable_inet6: false, instance_zone: ""}
          processor:
            service_graphs: {wait: 10s, max_items: 10000, workers: 10, histogram_buckets: [0.1, 0.2], dimensions: [], enable_client_server_prefix: false, enable_messaging_system_latency_histogram: false, peer_attributes: [peer.service, db.name, db.system], span_multiplier_key: "", enable_virtual_node_label: false, database_name_attributes: [db.namespace, db.name, db.system]}
            span_metrics: {histogram_buckets: [0.002], intrinsic_dimensions: {service: true, span_name: true, span_kind: true, status_code: true}, dimensions: [], dimension_mappings: [], enable_target_info: false, span_multiplier_key: "", subprocessors: {0: true, 1: true, 2: true}, filter_policies: [], target_info_excluded_dimensions: [], enable_instance_label: true}
            local_blocks: {block: {«BLOCK»}, «SEARCH», flush_check_period: 10s, filter_server_spans: true}
            host_info: {host_identifiers: [k8s.node.name, host.id], metric_name: traces_host_info}
          registry: {collection_interval: 15s, stale_duration: 15m0s, max_label_name_length: 1024, max_label_value_length: 2048}
          storage: {path: "", wal: {wal_segment_size: 134217728, wal_compression: none, stripe_size: 16384, truncate_frequency: 2h0m0s, min_wal_time: 300000, max_wal_time: 14400000, no_lockfile: false}, remote_write_flush_deadline: 1m0s, remote_write_add_org_id_header: true}
          traces_storage: {path: "", ingestion_time_range_slack: 2m0s, version: vParquet4}
          traces_query_storage: {path: "", ingestion_time_range_slack: 2m0s, version: vParquet4}
          metrics_ingestion_time_range_slack: 30s
          query_timeout: 30s
          override_ring_key: metrics-generator
          codec: push-bytes
          disable_local_blocks: false
          disable_grpc: false
          limiter_type: series
          ingest_concurrency: 16
          instance_id: hostname
        ingest: {enabled: false, kafka: {address: "localhost:9092", topic: ""}}
        block_builder: {instance_id: hostname, consume_cycle_duration: 5m0s}
        storage:
          trace:
            pool: {max_workers: 400, queue_depth: 20000}
            wal: {path: /var/tempo/wal, ingestion_time_range_slack: 2m0s}
            block: {«BLOCK»}
            «SEARCH»
            blocklist_poll: 5m0s
            blocklist_poll_concurrency: 50
            blocklist_poll_tenant_concurrency: 0
            blocklist_poll_fallback: true
            blocklist_poll_tenant_index_builders: 2
            blocklist_poll_stale_tenant_index: 0s
            blocklist_poll_jitter_ms: 0
            blocklist_poll_tolerate_consecutive_errors: 1
            blocklist_poll_tolerate_tenant_failures: 1
            empty_tenant_deletion_enabled: false
            empty_tenant_deletion_age: 0s
            backend: local
            local: {path: /var/tempo/blocks}
            gcs: «GCS»
            s3: «S3»
            azure: «AZURE»
            cache: ""
            background_cache: {writeback_goroutines: 10, writeback_buffer: 10000}
            memcached: null
            redis: null
            cache_min_compaction_level: 0
            cache_max_block_age: 0s
        overrides:
          defaults:
            ingestion: {rate_strategy: local, rate_limit_bytes: 15000000, burst_size_bytes: 20000000, max_traces_per_user: 10000, retry_info_enabled: true, max_global_traces_per_user: 0, tenant_shard_size: 0, max_attribute_bytes: 0, artificial_delay: 0s}
            read: {max_bytes_per_tag_values_query: 1000000, max_blocks_per_tag_values_query: 0, max_condition_groups_per_tag_query: 100, max_search_duration: 0s, max_metrics_duration: 0s, unsafe_query_hints: false, left_pad_trace_ids: false, metrics_spanonly_fetch: true, engine_bytes_tracking: false, span_pruning_enabled: false, span_pruning_awareness: false}
            compaction: {block_retention: 0s, compaction_window: 0s, compaction_disabled: false}
            metrics_generator: {ring_size: 0, processors: [], max_active_series: 0, max_active_entities: 0, collection_interval: 0s, disable_collection: false, generate_native_histograms: classic, ingestion_time_range_slack: 0s, native_histogram_bucket_factor: 1.1, native_histogram_max_bucket_number: 100, native_histogram_min_reset_duration: 15m0s, trace_id_label_name: traceID, remote_write_headers: {}, forwarder: {queue_size: 100, workers: 2}, span_name_sanitization: disabled, max_cardinality_per_label: 0}
            forwarders: []
            global: {max_bytes_per_trace: 5000000}
            storage: {parquet_dedicated_columns: []}
            cost_attribution: {max_cardinality: 0, dimensions: {}}
          per_tenant_override_config: ""
          per_tenant_override_period: 10s
          user_configurable_overrides: {enabled: false, poll_interval: 1m0s, client: {backend: "", confirm_versioning: true, local: {path: ""}, gcs: «GCS», s3: «S3», azure: «AZURE»}, api: {check_for_conflicting_runtime_overrides: false}}
        memberlist: {node_name: "", join_members: [], zone_aware_routing: {enabled: false}}
        usage_report: {reporting_enabled: true, backoff: {min_period: 100ms}}
        cache: {background: {writeback_goroutines: 10, writeback_buffer: 10000}, caches: []}
        backend_scheduler:
          work: {prune_age: 1h0m0s, dead_job_timeout: 24h0m0s}
          maintenance_interval: 1m0s
          backend_flush_interval: 1m0s
          provider: {retention: {interval: 1h0m0s}, compaction: {measure_interval: 1m0s, compaction: {«COMPACTION»}, max_jobs_per_tenant: 1000, min_input_blocks: 2, max_input_blocks: 4, max_compaction_level: 0, min_cycle_interval: 30s}, redaction: {poll_interval: 2s, rescan_delay: 5m}}
          job_timeout: 15s
          local_work_path: /var/tempo
        backend_scheduler_client: {«GRPC»}
        backend_worker:
          backend_scheduler_addr: ""
          backoff: {min_period: 100ms, max_period: 1m0s, max_retries: 0}
          compaction: {«COMPACTION»}
          override_ring_key: backend-worker
          ring: {«KVSTORE», heartbeat_period: 5s, heartbeat_timeout: 1m0s, wait_stability_min_duration: 1m0s, wait_stability_max_duration: 5m0s, instance_id: hostname, instance_interface_names: [eth0, en0], instance_port: 0, instance_addr: "", enable_inet6: false, wait_active_instance_timeout: 10m0s}
          finish_on_shutdown_timeout: 30s
        live_store:
          ring: {«KVSTORE», heartbeat_period: 5s, heartbeat_timeout: 1m0s, instance_id: hostname, instance_interface_names: [eth0], instance_addr: "", instance_port: 0, enable_inet6: false, instance_zone: ""}
          partition_ring: {«KVSTORE», min_partition_owners_count: 1, min_partition_owners_duration: 10s, delete_inactive_partition_after: 13h0m0s}
          metrics: {time_overlap_cutoff: 0.2}
          commit_interval: 5s
          wal: {path: /var/tempo/live-store/traces, ingestion_time_range_slack: 2m0s, version: vParquet4}
          query_block_concurrency: 10
          complete_block_timeout: 1h0m0s
          complete_block_concurrency: 2
          shutdown_marker_dir: /var/tempo/live-store/shutdown-marker
          flush_check_period: 10s
          flush_op_timeout: 5m0s
          max_trace_live: 30s
          max_trace_idle: 5s
          max_live_traces_bytes: 250000000
          max_block_duration: 30m0s
          max_block_bytes: 104857600
          block_config: {«BLOCK»}
          readiness_target_lag: 0s
          readiness_max_wait: 30m0s
          fail_on_high_lag: false
        """;

    [Fact]
    public void EveryKeyAtItsDefaultIsTaken()
    {
        var text = Reference;
        foreach (var (name, value) in Repeated) text = text.Replace(name, value, StringComparison.Ordinal);
        var options = new HostOptions();
        var warnings = ConfigFile.Apply("t.yaml", text, options);
        Assert.Equal(["http", "grpc"], TlsKeys.Settle(options).Select(static warning => warning["server.".Length.."server.http".Length]));

        Assert.All(warnings, static warning => Assert.Contains(" has no effect: ", warning, StringComparison.Ordinal));
        var before = new HostOptions();
        Assert.Equal(
            (before.HttpListenPort, null, null, before.Node.Generator.StoragePath, before.UserOverrides.Backend,
                before.Node.CompactionCycle),
            (options.HttpListenPort, options.HttpTls, options.GrpcTls, options.Node.Generator.StoragePath, options.UserOverrides.Backend,
                options.Node.CompactionCycle));
    }

    // Keys that examples of Tempo have and that do nothing there.
    [Theory]
    [InlineData("partition_ring_live_store: true", "partition_ring_live_store has no effect")]
    [InlineData("distributor: {receivers: {otlp: {protocols: {grpc: {tls: {ca_file: a, cert_file: c, key_file: k, min_version: \"1.2\"}}}}}}", "tls.ca_file has no effect: it is of clients; the certificates of clients are verified by client_ca_file")]
    public void WhatDoesNothingIsWarnedOf(string yaml, string expected) =>
        Assert.Contains(expected, Assert.Single(ConfigFile.Apply("t.yaml", yaml, new HostOptions())), StringComparison.Ordinal);

    // What may not be passed over is still refused where it says something.
    [Theory]
    [InlineData("server: {http_tls_config: {cert: x}}", "server.http_tls_config.cert: not available in this version")]
    [InlineData("server: {proxy_protocol_enabled: true}", "server.proxy_protocol_enabled: not available")]
    [InlineData("storage: {trace: {s3: {tls_insecure_skip_verify: true}}}",
        "storage.trace.s3.tls_insecure_skip_verify: not available in this version")]
    [InlineData("compactor: {ring: {kvstore: {store: consul}}}", "compactor.ring.kvstore.store: consul is not available")]
    [InlineData("server: {tls_min_version: VersionTLS10}", "\"VersionTLS10\" is not available; VersionTLS12 and VersionTLS13 are")]
    [InlineData("server: {tls_cipher_suites: TLS_RSA_WITH_RC4}", "\"TLS_RSA_WITH_RC4\" is not the name of a cipher suite")]
    public void WhatSaysSomethingIsStillRefused(string yaml, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => ConfigFile.Apply("t.yaml", yaml, new HostOptions())).Message,
            StringComparison.Ordinal);

    // Helm writes integers of seven digits and more so.
    [Theory]
    [InlineData("4.194304e+06", 4_194_304)]
    [InlineData("1e+06", 1_000_000)]
    [InlineData("4194304.0", 4_194_304)]
    [InlineData("4_194_304", 4_194_304)]
    public void AWholeNumberMayBeAFloat(string text, int expected)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", $"server: {{grpc_server_max_recv_msg_size: {text}}}", options);
        Assert.Equal(expected, options.Api.MaxGrpcReceiveBytes);
    }

    [Theory]
    [InlineData("4096.5")]
    [InlineData("1e+300")]
    [InlineData("-1e+06")]
    public void AFractionIsNoWholeNumber(string text) =>
        Assert.Contains("cannot unmarshal", Assert.Throws<ConfigException>(
            () => ConfigFile.Apply("t.yaml", $"server: {{grpc_server_max_recv_msg_size: {text}}}", new HostOptions())).Message,
                StringComparison.Ordinal);

    [Fact]
    public void TheSizeOfACutInTemposExampleIsTaken()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", "ingester: {max_block_bytes: 1_000_000}", options);
        Assert.Equal(1 << 20, options.Node.MaxLiveBytes);
    }

    // The reference writes the defaults below the ring of each service; here all of them are one.
    [Fact]
    public void TheDefaultsOfOtherRingsDoNotTakeBackWhatTheMainOneSays()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", """
            ingester: {lifecycler: {ring: {kvstore: {store: etcd, prefix: mine/, etcd: {endpoints: ["etcd:2379"], tls_enabled: true}}}}}
            compactor: {ring: {kvstore: {store: inmemory, prefix: collectors/, etcd: {endpoints: [], tls_enabled: false}}}}
            """, options);
        Assert.Equal(("etcd", "mine/", "etcd:2379", true),
            (options.Ring.Store, options.Ring.KeyPrefix, string.Join(' ', options.Ring.EtcdEndpoints), options.Ring.IsEtcdTls));
    }
}
