using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Host.Telemetry.OwnTraces;
using Xunit;

namespace Tempo.Host.Tests.Telemetry;

/// <summary>Spans as .NET has them, sampled and written as OTLP.</summary>
public sealed class OwnTraceWriterTests : IDisposable
{
    // Not the process's own: tests run side by side, and each hears what all do.
    private readonly ActivitySource _source = new("tests of own traces");
    private readonly List<Activity> _spans = [];
    private ActivityListener? _listener;

    public void Dispose()
    {
        _listener?.Dispose();
        _source.Dispose();
    }

    [Fact]
    public void Every_part_of_a_span_is_there()
    {
        Listen(static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded);
        var caller = new ActivityContext(
            ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, "vendor=1", isRemote: true);
        using (var span = _source.StartActivity("asked", ActivityKind.Server, caller)!)
        {
            span.SetTag("text", "é").SetTag("number", 5).SetTag("large", 1L << 40).SetTag("part", 0.5).SetTag("truth", true)
                .SetTag("other", new Uri("http://a/"));
            span.SetStatus(ActivityStatusCode.Error, "why");
            using var inner = _source.StartActivity("within");
        }

        var spans = Write().GetProperty("resourceSpans")[0].GetProperty("scopeSpans")[0].GetProperty("spans").EnumerateArray()
            .ToDictionary(static span => span.GetProperty("name").GetString()!);
        var (outer, below) = (spans["asked"], spans["within"]);
        Assert.Equal(
            ("vendor=1", "SPAN_KIND_SERVER"), (outer.GetProperty("traceState").GetString(), outer.GetProperty("kind").GetString()));
        Assert.Equal("""{"message":"why","code":"STATUS_CODE_ERROR"}""", outer.GetProperty("status").GetRawText());
        Assert.Equal(
            """[{"key":"text","value":{"stringValue":"é"}},{"key":"number","value":{"intValue":"5"}},{"key":"large","value":{"intValue":"1099511627776"}},{"key":"part","value":{"doubleValue":0.5}},{"key":"truth","value":{"boolValue":true}},{"key":"other","value":{"stringValue":"http://a/"}}]""",
            outer.GetProperty("attributes").GetRawText());
        Assert.Equal((0x301, 0x101), (outer.GetProperty("flags").GetInt32(), below.GetProperty("flags").GetInt32()));
        Assert.Equal("SPAN_KIND_INTERNAL", below.GetProperty("kind").GetString());
        Assert.Equal(outer.GetProperty("spanId").GetString(), below.GetProperty("parentSpanId").GetString());
        Assert.Equal(outer.GetProperty("traceId").GetString(), below.GetProperty("traceId").GetString());
        var recorded = _spans.Single(static span => span.DisplayName == "asked");
        Assert.Equal((ulong)(recorded.StartTimeUtc - DateTime.UnixEpoch).Ticks * 100,
            ulong.Parse(outer.GetProperty("startTimeUnixNano").GetString()!, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal((ulong)recorded.Duration.Ticks * 100,
            ulong.Parse(outer.GetProperty("endTimeUnixNano").GetString()!, System.Globalization.CultureInfo.InvariantCulture)
                - ulong.Parse(outer.GetProperty("startTimeUnixNano").GetString()!, System.Globalization.CultureInfo.InvariantCulture));
    }

    private void Listen(SampleActivity<ActivityContext> sample)
    {
        _listener = new ActivityListener { ShouldListenTo = source => source == _source, Sample = sample, ActivityStopped = _spans.Add };
        ActivitySource.AddActivityListener(_listener);
    }

    private JsonElement Write()
    {
        using var request = new NativeBuffer();
        OwnTraceWriter.Write([("service.name", "tempo-all")], _spans, request);
        var json = new ArrayBufferWriter<byte>();
        json.Write("{\"resourceSpans\":["u8);
        OtlpJsonWriter.WriteElements(request.Written, isFirst: true, json);
        json.Write("]}"u8);
        using var document = JsonDocument.Parse(json.WrittenMemory);
        return document.RootElement.Clone();
    }
}
