using System.Buffers.Binary;
using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>Spans by hand, and the one trace they make.</summary>
internal static class Spans
{
    public const int Internal = 1, Server = 2, Client = 3;
    private static readonly TraceId DefaultTrace = new(0, 1);

    public static Span New(ulong id, ulong parent = 0, int kind = Internal, ulong start = 0, ulong duration = 10, TraceId? trace = null) =>
        new()
        {
            TraceId = Bytes(trace ?? DefaultTrace),
            SpanId = Bytes(id),
            ParentSpanId = parent == 0 ? ByteString.Empty : Bytes(parent),
            Name = id.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Kind = kind,
            StartTimeUnixNano = start == 0 ? 1000 + id : start,
            EndTimeUnixNano = (start == 0 ? 1000 + id : start) + duration,
        };

    /// <summary>One ResourceSpans, its resource with a text attribute <paramref name="service"/> for service.name.</summary>
    public static ResourceSpans Of(string service, string scope, params Span[] spans)
    {
        var resource = new Resource();
        resource.Attributes.Add(Text("service.name", service));
        var scopeSpans = new ScopeSpans { Scope = new InstrumentationScope { Name = scope } };
        scopeSpans.Spans.AddRange(spans);
        return new ResourceSpans { Resource = resource, ScopeSpans = { scopeSpans } };
    }

    public static KeyValue Text(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    public static byte[] Request(params ResourceSpans[] resourceSpans)
    {
        var data = new TracesData();
        data.ResourceSpans.AddRange(resourceSpans);
        return data.ToByteArray();
    }

    public static LiveBatch Append(params byte[][] requests)
    {
        var batch = new LiveBatch();
        foreach (var request in requests) batch.Append(request, maxAttributeBytes: 2048);
        return batch;
    }

    public static LiveBatchView View(LiveBatch batch) => batch.View();

    /// <summary>The spans as the whole trace they are.</summary>
    public static OrderedTrace Trace(params Span[] spans) => Trace(Append(Request(Of("s", "l", spans))));

    public static OrderedTrace Trace(params LiveBatch[] batches)
    {
        OrderedTrace? only = null;
        LiveTraces.ForEach(
            [.. batches.Select(View)], trace => only = only is null ? trace : throw new InvalidOperationException("more than one trace"));
        return only!;
    }

    public static ulong Id(this OrderedTrace trace, int i) => trace.Batch(i).SpanId[trace.Spans[i].Span];

    public static string Name(this OrderedTrace trace, int i) =>
        System.Text.Encoding.UTF8.GetString(trace.Batch(i).Name[trace.Spans[i].Span]);

    private static ByteString Bytes(ulong id)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        return ByteString.CopyFrom(bytes);
    }

    private static ByteString Bytes(TraceId id)
    {
        var bytes = new byte[16];
        id.Write(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
