using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Host.Telemetry.OwnTraces;
using Xunit;

namespace Tempo.Host.Tests.Telemetry;

/// <summary>OpenTelemetry's environment variables, as far as they are about traces.</summary>
public sealed class OwnTraceOptionsTests : IDisposable
{
    private readonly MemoryStream _log = new();

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318", "http://collector:4318/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=https://collector/below/", "https://collector/below/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://own/path;OTEL_EXPORTER_OTLP_ENDPOINT=http://general", "http://own/path")]
    [InlineData("OTEL_TRACES_EXPORTER=otlp", "http://localhost:4318/v1/traces")]
    public void Where_they_go(string variables, string endpoint) => Assert.Equal(endpoint, Read(variables)?.Endpoint.AbsoluteUri);

    [Theory]
    [InlineData("")]
    [InlineData("OTEL_SERVICE_NAME=named")]
    [InlineData("OTEL_TRACES_EXPORTER=None;OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318")]
    [InlineData("OTEL_SDK_DISABLED=True;OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318")]
    public void Who_asks_for_none_has_none_and_hears_nothing(string variables)
    {
        Assert.Null(Read(variables));
        Assert.Equal("", Told);
    }

    [Theory]
    [InlineData("OTEL_TRACES_EXPORTER=zipkin", "OTEL_TRACES_EXPORTER=zipkin")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is no URL")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://a;OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", "PROTOCOL is grpc")]
    public void What_cannot_be_done_is_said(string variables, string why)
    {
        Assert.Null(Read(variables));
        Assert.Contains(why, Told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT=10s", 10, "OTEL_EXPORTER_OTLP_TIMEOUT is no number")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT=20;OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=gzip", 0.02,
        "OTEL_EXPORTER_OTLP_COMPRESSION has no effect")]
    [InlineData("OTEL_TRACES_SAMPLER=jaeger_remote", 10, "OTEL_TRACES_SAMPLER=jaeger_remote")]
    public void What_makes_no_sense_is_told_and_taken_for_none(string variables, double seconds, string told)
    {
        Assert.Equal(TimeSpan.FromSeconds(seconds), Read("OTEL_TRACES_EXPORTER=OTLP;" + variables)?.Timeout);
        Assert.Contains(told, Told, StringComparison.Ordinal);
    }

    [Fact]
    public void What_they_carry()
    {
        var options = Read("OTEL_EXPORTER_OTLP_ENDPOINT=http://a;OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20x, x-scope-orgid=ops;OTEL_RESOURCE_ATTRIBUTES=service.name=given,zone=a%2Cb,=,alone;OTEL_SERVICE_NAME=named;OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=1500")!;
        Assert.Equal([("authorization", "Bearer x"), ("x-scope-orgid", "ops")], options.Headers);
        Assert.Equal(TimeSpan.FromSeconds(1.5), options.Timeout);
        Assert.Contains(("service.name", "named"), options.Resource);
        Assert.Contains(("zone", "a,b"), options.Resource);
        Assert.DoesNotContain(options.Resource, static pair => pair.Key is "" or "alone");
        Assert.Contains(("service.name", "tempo-all"), Read("OTEL_TRACES_EXPORTER=otlp")!.Resource);
    }

    private string Told => Encoding.UTF8.GetString(_log.ToArray());

    private OwnTraceOptions? Read(string variables)
    {
        var all = variables.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(static one => one.Split('=', 2))
            .ToDictionary(static one => one[0], static one => one[1]);
        return OwnTraceOptions.Read(
            name => all.GetValueOrDefault(name), "tempo-all", new Log(_log, LogFormat.Logfmt, LogLevel.Debug, TimeProvider.System));
    }
}
