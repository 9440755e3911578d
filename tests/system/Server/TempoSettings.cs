namespace Tempo.SystemTests.Server;

/// <summary>What a test wants different from the usual.</summary>
public sealed record TempoSettings
{
    public bool Multitenancy { get; init; }

    /// <summary>The configuration file: everything on loopback, data in <paramref name="dataFolder"/>.</summary>
    public string Yaml(TempoPorts ports, string dataFolder) => $"""
        multitenancy_enabled: {(Multitenancy ? "true" : "false")}
        server:
          http_listen_address: 127.0.0.1
          http_listen_port: {ports.Api}
        distributor:
          receivers:
            otlp:
              protocols:
                grpc:
                  endpoint: "127.0.0.1:{ports.OtlpGrpc}"
                http:
                  endpoint: "127.0.0.1:{ports.OtlpHttp}"
        storage:
          trace:
            backend: local
            wal:
              path: {dataFolder}/wal
            local:
              path: {dataFolder}/blocks

        """;
}
