namespace Tempo.Host.Config;

/// <summary>
/// Keys of Tempo, 2.x and 3.x, that are read and have no effect, each with all that stands below it. They are listed so
/// that a configuration of Tempo starts here, and a slip of the pen still does not.
/// </summary>
internal static class KeysWithoutEffect
{
    public static IEnumerable<ConfigKey> All =>
    [
        .. Services.Select(static path => new ConfigWithoutEffect(path, "it belongs to a service that this one process does not have")),
        .. NotYet.Select(static path => new ConfigWithoutEffect(path, "not available in this version")),
        .. NotNeeded.Select(static path => new ConfigWithoutEffect(path, "not needed by this engine")),
    ];

    // Sections of services that this process does not have.
    private static readonly string[] Services =
    [
        "live_store_client", "partition_ring_live_store", "metrics_generator_client", "backend_scheduler_client", "internal_server",
        "querier.frontend_worker", "querier.search", "querier.metrics", "querier.max_concurrent_queries",
        "querier.query_relevant_ingesters",
        "querier.trace_by_id.query_timeout", "querier.partition_ring", "querier.shuffle_sharding_ingesters_lookback_period",
        "querier.shuffle_sharding_ingesters_enabled", "querier.query_live_store", "querier.extra_query_delay",
        "querier.secondary_ingester_ring",
        "block_builder", "ingest", "memberlist", "compactor.override_ring_key",
        "backend_scheduler.poll_interval", "backend_scheduler.work", "backend_scheduler.maintenance_interval",
        "backend_scheduler.backend_flush_interval",
        "backend_scheduler.local_work_path", "backend_scheduler.job_timeout", "backend_scheduler.provider.retention",
        "backend_scheduler.provider.redaction",
        "backend_worker.backend_scheduler_addr", "backend_worker.backend_scheduler_client",
        "distributor.ingester_write_path_enabled", "distributor.kafka_write_path_enabled", "distributor.kafka_config",
        "backend_worker.override_ring_key", "backend_worker.poll", "backend_worker.backoff", "backend_worker.finish_on_shutdown_timeout",
    ];

    // What this version cannot do.
    private static readonly string[] NotYet =
    [
        "distributor.log_received_traces",
        "query_frontend.log_query_request_headers",
        "server.http_server_read_timeout",
        "server.http_server_write_timeout", "server.http_server_idle_timeout", "server.log_request_headers",
        "server.log_source_ips_enabled", "server.log_source_ips_full", "server.log_source_ips_header", "server.log_source_ips_regex",
        "server.log_request_exclude_headers_list", "server.trace_request_headers", "server.trace_request_exclude_headers_list",
        "server.http_log_closed_connections_without_response_enabled",
        "storage.trace.cache", "storage.trace.background_cache", "storage.trace.memcached", "storage.trace.redis",
        "storage.trace.cache_min_compaction_level", "storage.trace.cache_max_block_age",
        "storage.trace.cache_control",
    ];

    // Settings of mechanisms that this engine does without.
    private static readonly string[] NotNeeded =
    [
        "memory", "use_otel_tracer", "enable_go_runtime_metrics", "usage_report",
        "distributor.extend_writes", "distributor.override_ring_key",
        "query_frontend.max_batch_size", "query_frontend.max_retries", "query_frontend.response_consumers",
        "query_frontend.metrics.concurrent_jobs", "query_frontend.metrics.target_bytes_per_job",
        "query_frontend.metrics.query_backend_after",
        "query_frontend.metrics.interval", "query_frontend.metrics.streaming_shards", "query_frontend.metrics.duration_slo",
        "query_frontend.metrics.throughput_bytes_slo", "query_frontend.metrics.exemplars", "query_frontend.weights",
        "query_frontend.trace_by_id.query_shards", "query_frontend.trace_by_id.concurrent_shards",
        "query_frontend.trace_by_id.blocks_per_shard",
        "query_frontend.trace_by_id.duration_slo", "query_frontend.trace_by_id.throughput_bytes_slo",
        "query_frontend.trace_by_id.hedge_requests_at", "query_frontend.trace_by_id.hedge_requests_up_to",
        "query_frontend.tolerate_failed_blocks", "query_frontend.search.concurrent_jobs",
        "query_frontend.search.target_bytes_per_job", "query_frontend.search.query_ingesters_until",
        "query_frontend.search.ingester_shards", "query_frontend.search.most_recent_shards", "query_frontend.search.duration_slo",
        "query_frontend.search.throughput_bytes_slo", "query_frontend.search.metadata_slo",
        "server.http_server_read_header_timeout", "server.cluster_validation",
        "server.grpc_collect_max_streams_by_conn", "server.grpc_server_num_workers", "server.grpc_server_stats_tracking_enabled",
        "server.grpc_server_recv_buffer_pools_enabled",
        "server.report_grpc_codes_in_instrumentation_label_enabled", "server.register_instrumentation", "server.http_listen_network",
        "server.grpc_listen_network", "server.http_listen_conn_limit",
        "server.grpc_listen_conn_limit", "server.grpc_server_keepalive", "server.grpc_server_max_connection_idle",
        "server.grpc_server_max_connection_age", "server.grpc_server_max_connection_age_grace", "server.grpc_server_keepalive_time",
        "server.grpc_server_keepalive_timeout", "server.grpc_server_min_time_between_pings",
        "server.grpc_server_ping_without_stream_allowed", "server.log_request_at_info_level_enabled",
        "storage.trace.wal.encoding", "storage.trace.wal.search_encoding",
        "storage.trace.wal.v2_encoding", "storage.trace.wal.version",
        "storage.trace.pool",
        "storage.trace.search",
        "storage.trace.blocklist_poll_concurrency", "storage.trace.blocklist_poll_tenant_concurrency",
        "query_frontend.rf1_after", "ingester.flush_object_storage",
        "overrides.user_configurable_overrides.client.confirm_versioning", "overrides.user_configurable_overrides.client.s3",
        "overrides.user_configurable_overrides.client.gcs", "overrides.user_configurable_overrides.client.azure",
        "storage.trace.blocklist_poll_jitter_ms",
        "storage.trace.blocklist_poll_tolerate_consecutive_errors",
        "storage.trace.blocklist_poll_tolerate_tenant_failures",
        "storage.trace.empty_tenant_deletion_enabled",
        "storage.trace.empty_tenant_deletion_age",
        "storage.trace.block.v2_encoding", "storage.trace.block.v2_index_downsample_bytes",
        "storage.trace.block.v2_index_page_size_bytes", "storage.trace.block.search_encoding",
        "storage.trace.block.search_page_size_bytes", "storage.trace.block.create_with_meta",
        "live_store.max_trace_live", "live_store.flush_op_timeout", "live_store.max_live_traces_bytes", "live_store.complete_block_timeout",
        "live_store.complete_block_concurrency", "live_store.query_block_concurrency", "live_store.flush_check_period",
        "live_store.fail_on_high_lag", "live_store.readiness_target_lag", "live_store.readiness_max_wait", "live_store.wal",
        "live_store.shutdown_marker_dir", "live_store.commit_interval", "live_store.partition_ring",
        "live_store.search", "live_store.metrics", "live_store.block_config",
        "ingester.trace_live_period", "ingester.complete_block_timeout", "ingester.flush_check_period",
        "ingester.flush_op_timeout", "ingester.flush_all_on_shutdown", "ingester.concurrent_flushes",
        "ingester.override_ring_key", "ingester.partition_ring",
    ];
}
