namespace Tempo.SystemTests.Server;

/// <summary>What a test wants different from the usual.</summary>
public sealed record TempoSettings
{
    public bool Multitenancy { get; init; }

    /// <summary>Age at which live data is cut into blocks, as the configuration file writes it.</summary>
    public string MaxBlockDuration { get; init; } = "5m";

    /// <summary>How long the server goes on after SIGTERM while /ready says no, as the configuration file writes it.</summary>
    public string ShutdownDelay { get; init; } = "0s";

    /// <summary>Time between two rounds of compaction, as the configuration file writes it.</summary>
    public string CompactionCycle { get; init; } = "30s";

    /// <summary>How long the files of compacted blocks stay, as the configuration file writes it.</summary>
    public string CompactedBlockRetention { get; init; } = "1h";

    /// <summary>Format of new blocks.</summary>
    public string BlockVersion { get; init; } = "vParquet5";

    /// <summary>
    /// The test damages blocks, or lets what lies below them fail: then they are not verified when the server ends. All others are
    /// (<see cref="BlockCheck"/>).
    /// </summary>
    public bool DamagesBlocks { get; init; }

    /// <summary>gRPC on the HTTP port too.</summary>
    public bool StreamOverHttp { get; init; }

    /// <summary>More of the configuration file: whole top-level sections that are not below.</summary>
    public string More { get; init; } = "";

    /// <summary>Keys of <c>storage.trace</c>, each on a line indented by four; the local backend if there are none.</summary>
    public string Storage { get; init; } = "    backend: local\n";

    /// <summary>More keys of the receivers, each on a line that begins with a line break and the receiver's indentation.</summary>
    public string OtlpHttpMore { get; init; } = "";
    public string ZipkinMore { get; init; } = "";

    /// <summary>More keys of the distributor, each on a line that begins with a line break and an indentation of two.</summary>
    public string DistributorMore { get; init; } = "";

    /// <summary>Section overrides, in one line of YAML. The default lifts Tempo's limits, which tests of other things would meet.</summary>
    public string Overrides { get; init; } =
        "{defaults: {ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0}}}";

    /// <summary>The configuration file: everything on loopback, data in <paramref name="dataFolder"/>.</summary>
    public string Yaml(TempoPorts ports, string dataFolder) => $"""
        multitenancy_enabled: {(Multitenancy ? "true" : "false")}
        shutdown_delay: {ShutdownDelay}
        stream_over_http_enabled: {(StreamOverHttp ? "true" : "false")}
        server:
          http_listen_address: 127.0.0.1
          http_listen_port: {ports.Api}
          grpc_listen_address: 127.0.0.1
          grpc_listen_port: {ports.ApiGrpc}
          graceful_shutdown_timeout: 30s
        distributor:{DistributorMore}
          receivers:
            otlp:
              protocols:
                grpc:
                  endpoint: "127.0.0.1:{ports.OtlpGrpc}"
                http:
                  endpoint: "127.0.0.1:{ports.OtlpHttp}"{OtlpHttpMore}
            zipkin:
              endpoint: "127.0.0.1:{ports.Zipkin}"{ZipkinMore}
            jaeger:
              protocols:
                grpc:
                  endpoint: "127.0.0.1:{ports.JaegerGrpc}"
                thrift_http:
                  endpoint: "127.0.0.1:{ports.JaegerHttp}"
                thrift_compact:
                  endpoint: "127.0.0.1:{ports.JaegerCompact}"
                thrift_binary:
                  endpoint: "127.0.0.1:{ports.JaegerBinary}"
        overrides: {Overrides}
        live_store:
          max_block_duration: {MaxBlockDuration}
        compactor:
          compaction:
            compaction_cycle: {CompactionCycle}
            compacted_block_retention: {CompactedBlockRetention}
        storage:
          trace:
        {Storage.TrimEnd()}
            wal:
              path: {dataFolder}/wal
            local:
              path: {dataFolder}/blocks
            block:
              version: {BlockVersion}

        """ + More;
}
