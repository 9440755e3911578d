using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public class ReceiverConfigTests
{
    private static HostOptions Apply(string receivers)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", $"distributor:\n  receivers: {receivers}\n", options);
        return options;
    }

    private static string Refuse(string receivers) => Assert.Throws<ConfigException>(() => Apply(receivers)).Message;

    [Theory]
    [InlineData("{}", "")]
    [InlineData("{zipkin: }", "zipkin=localhost:9411")]
    [InlineData("{otlp: {protocols: {grpc: }}}", "otlp_grpc=localhost:4317")]
    [InlineData("{otlp/named: {protocols: {http: {endpoint: \"1.2.3.4:5\"}}}}", "otlp_http=1.2.3.4:5")]
    [InlineData("{jaeger: {protocols: {grpc: , thrift_http: , thrift_compact: , thrift_binary: }}}",
        "jaeger_grpc=localhost:14250 jaeger_http=localhost:14268 compact=localhost:6831 binary=localhost:6832")]
    [InlineData("{jaeger: {protocols: {thrift_compact: {endpoint: \"0.0.0.0:7\"}}}, zipkin/a: {endpoint: \":8\"}}",
        "zipkin=:8 compact=0.0.0.0:7")]
    public void WhatIsNamedIsStarted(string receivers, string expected)
    {
        var set = Apply(receivers).Receivers;
        (string Name, ReceiverOptions? Receiver)[] all =
        [
            ("otlp_grpc", set.OtlpGrpc), ("otlp_http", set.OtlpHttp), ("zipkin", set.Zipkin), ("jaeger_grpc", set.JaegerGrpc),
            ("jaeger_http", set.JaegerHttp),
            ("compact", set.JaegerCompact), ("binary", set.JaegerBinary),
        ];
        Assert.Equal(
            expected, string.Join(' ', all.Where(static r => r.Receiver is not null).Select(static r => $"{r.Name}={r.Receiver!.Listen}")));
    }

    [Theory]
    [InlineData("{foo: }", "'receivers' unknown type: \"foo\" for id: \"foo\" (valid values: [zipkin otlp kafka jaeger])")]
    [InlineData("{kafka: {brokers: [x]}}", "there is no Kafka receiver in this version")]
    [InlineData("{kafka: }", "there is no Kafka receiver in this version")]
    [InlineData("{zipkin: , zipkin/b: }", "a second receiver of type zipkin")]
    [InlineData("{zipkin: {endpont: x}}", "field endpont not found in section distributor.receivers.zipkin")]
    [InlineData("{zipkin: {auth: {authenticator: x}}}", "distributor.receivers.zipkin.auth")]
    [InlineData("{otlp: {protocols: {grpc: {max_recv_msg_size_mib: 0}}}}", "0 is out of range")]
    [InlineData("{otlp: {protocols: {grpc: {max_recv_msg_size_mib: 65}}}}", "65 is out of range, 1 to 64 is allowed")]
    [InlineData("{zipkin: {max_request_body_size: 64MiB}, otlp: {protocols: {http: {max_request_body_size: 67108865}}}}",
        "67108865 bytes is out of range, 1 to 67108864 is allowed")]
    [InlineData("{zipkin: {middlewares: [{id: x}]}}", "distributor.receivers.zipkin.middlewares")]
    [InlineData("{zipkin: {transport: unix}}", "\"unix\" is not available, tcp is")]
    [InlineData("{zipkin: {compression_algorithms: [gzip, lz4]}}", "\"lz4\" is not available; gzip, zstd, zlib, deflate, snappy are")]
    [InlineData("{zipkin: {response_headers: {\"X A\": b}}}", "\"X A\": \"b\" cannot stand in the head of an answer")]
    [InlineData("{zipkin: {traces_url_path: /a}}", "field traces_url_path not found in section distributor.receivers.zipkin")]
    [InlineData("{otlp: {protocols: {http: {traces_url_path: \"a?b\"}}}}", "is not the path of a URL")]
    [InlineData("{otlp: {protocols: {grpc: {keepalive: {server_parameters: {max_connection_agee: 1s}}}}}}", "max_connection_agee")]
    [InlineData("{otlp: {protocols: {grpc: {response_headers: {a: b}}}}}",
        "field response_headers not found in section distributor.receivers.otlp.protocols.grpc")]
    [InlineData("{otlp: {protocols: {grpc: {tls: {min_version: \"1.0\"}}}}}", "TLS \"1.0\" is not available")]
    public void WhatIsWrongIsNamed(string receivers, string message) =>
        Assert.Contains(message, Refuse(receivers), StringComparison.Ordinal);

    [Fact]
    public void TlsAndCorsAreRead()
    {
        var options = Apply(
            "{otlp: {protocols: {http: {tls: {cert_file: c, key_file: k, client_ca_file: a, reload_interval: 1m, min_version: \"1.3\"}, "
            + "cors: {allowed_origins: [\"https://*.x\"], allowed_headers: [X-A], max_age: 7}, max_request_body_size: 1MiB}}}}");
        var http = options.Receivers.OtlpHttp!;
        Assert.Equal(("c", "k", "a", TimeSpan.FromMinutes(1), "1.3"),
            (http.Tls!.CertFile, http.Tls.KeyFile, http.Tls.ClientCaFile, http.Tls.ReloadInterval, http.Tls.MinVersion));
        Assert.Equal(("https://*.x", "X-A", 7, 1 << 20),
            (http.Cors!.AllowedOrigins[0], http.Cors.AllowedHeaders[0], http.Cors.MaxAgeSeconds, http.MaxRequestBytes));

        var again = new HostOptions();
        ConfigFile.Apply("t.yaml", EffectiveConfig.Render(options), again);
        Assert.Equal(EffectiveConfig.Render(options), EffectiveConfig.Render(again));
    }

    // Every key of the collector's confighttp and configgrpc: read, or warned of with its reason; none is passed over.
    [Fact]
    public void TheServersKeysAreRead()
    {
        var options = new HostOptions();
        var warnings = ConfigFile.Apply("t.yaml", """
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc:
                      transport: tcp
                      max_concurrent_streams: 9
                      read_buffer_size: 1024
                      write_buffer_size: 1024
                      include_metadata: true
                      keepalive:
                        server_parameters: {max_connection_idle: 11s, max_connection_age: 12s, max_connection_age_grace: 13s, time: 14s, timeout: 15s}
                        enforcement_policy: {min_time: 16s, permit_without_stream: true}
                    http:
                      traces_url_path: otlp
                      idle_timeout: 1m
                      read_timeout: 2m
                      read_header_timeout: 3m
                      write_timeout: 4m
                      keep_alives_enabled: false
                      include_metadata: true
                      response_headers: {X-A: b}
                      compression_algorithms: ["", gzip]
                      cors: {allowed_origins: [x], exposed_headers: [X-B]}
            """, options);
        var (grpc, http) = (options.Receivers.OtlpGrpc!.Server, options.Receivers.OtlpHttp!.Server);
        Assert.Equal((9, 11, 12, 14, 15), (grpc.MaxConcurrentStreams, grpc.IdleTimeout.TotalSeconds, grpc.MaxConnectionAge.TotalSeconds,
            grpc.PingAfter.TotalSeconds, grpc.PingTimeout.TotalSeconds));
        Assert.Equal(("/otlp", 1, 3, false, "b"),
            (http.TracesPath, http.IdleTimeout.TotalMinutes, http.ReadHeaderTimeout.TotalMinutes, http.AreConnectionsKept,
                http.ResponseHeaders["x-a"]));
        Assert.Equal(["", "gzip"], http.ContentEncodings!);
        Assert.Equal(["X-B"], options.Receivers.OtlpHttp.Cors!.ExposedHeaders);
        string[] warned = ["grpc.read_buffer_size", "grpc.write_buffer_size", "grpc.include_metadata",
            "grpc.keepalive.server_parameters.max_connection_age_grace", "grpc.keepalive.enforcement_policy", "http.read_timeout",
            "http.write_timeout", "http.include_metadata"];
        Assert.All(
            warned, key => Assert.Contains(warnings, warning => warning.Contains("otlp.protocols." + key, StringComparison.Ordinal)));
        Assert.Equal(warned.Length, warnings.Count);

        Assert.True(Apply("{zipkin: {parse_string_tags: true}}").Receivers.Zipkin!.ParsesTags);
        var again = new HostOptions();
        ConfigFile.Apply("t.yaml", EffectiveConfig.Render(options), again);
        Assert.Equal(EffectiveConfig.Render(options), EffectiveConfig.Render(again));
        Assert.Equal(12, again.Receivers.OtlpGrpc!.Server.MaxConnectionAge.TotalSeconds);
    }

    [Fact]
    public void TlsOfTheServerIsRead()
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", "server: {http_tls_config: {cert_file: c, key_file: k, client_auth_type: VerifyClientCertIfGiven}, grpc_tls_config: {cert_file: d}}", options);
        Assert.Equal(("c", ClientAuthentication.VerifyIfGiven, "d"),
            (options.HttpTls!.CertFile, options.HttpTls.ClientAuthentication, options.GrpcTls!.CertFile));
        Assert.Contains("RequireAnyClientCert", Assert.Throws<ConfigException>(() =>
            ConfigFile.Apply("t.yaml", "server: {http_tls_config: {client_auth_type: RequireAnyClientCert}}", new HostOptions())).Message,
                StringComparison.Ordinal);
    }
}
