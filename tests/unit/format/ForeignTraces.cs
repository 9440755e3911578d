using Google.Protobuf;
using Google.Protobuf.Collections;
using Tempo.Otlp.Tests.Oracle;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// Random traces cleaned of what Tempo would not have stored in that version, as whole traces in ascending order of their
/// ids, and what must be read from a block of them.
/// </summary>
internal sealed class ForeignTraces
{
    private readonly string _version;
    private readonly bool _isTame;

    private ForeignTraces(string version, bool isTame = false) => (_version, _isTame) = (version, isTame);

    public List<(ByteString Id, TracesData Trace)> Traces { get; } = [];

    public Dictionary<string, string[]> Expected { get; private set; } = [];

    /// <summary>
    /// The same for the same seed. Tame ones have no time at the ends of the range and no key twice in one place, where answers
    /// to a search may differ with the layout.
    /// </summary>
    public static ForeignTraces Random(string version, int seed, int traceCount, int requestCount, bool isTame = false)
    {
        var requests = new RandomRequests(seed, traceCount);
        var traces = new ForeignTraces(version, isTame);
        traces.Take(Enumerable.Range(0, requestCount).Select(_ => TracesData.Parser.ParseFrom(requests.Next())));
        return traces;
    }

    public static ForeignTraces Of(string version, TracesData data)
    {
        var traces = new ForeignTraces(version);
        traces.Take([data]);
        return traces;
    }

    private void Take(IEnumerable<TracesData> requests)
    {
        var byId = new SortedDictionary<string, (ByteString Id, TracesData Trace)>(StringComparer.Ordinal);
        var model = new TraceModel(int.MaxValue);
        foreach (var request in requests)
        {
            var clean = new TracesData();
            foreach (var resourceSpans in request.ResourceSpans)
                foreach (var scopeSpans in resourceSpans.ScopeSpans)
                    foreach (var span in scopeSpans.Spans)
                        if (TryClean(resourceSpans, scopeSpans, span, out var one))
                        {
                            clean.ResourceSpans.Add(one);
                            var id = Convert.ToHexStringLower(span.TraceId.Span);
                            if (!byId.TryGetValue(id, out var trace)) byId.Add(id, trace = (span.TraceId, new TracesData()));
                            Add(trace.Trace, one);
                        }

            model.Add(clean.ToByteArray());
        }

        Traces.AddRange(byId.Values);
        Expected = model.Expected(fromBlock: true);
    }

    // Spans of the same resource and scope stand together, as a sender sends them.
    private static void Add(TracesData trace, ResourceSpans one)
    {
        var resource = trace.ResourceSpans.FirstOrDefault(known => known.Resource.Equals(one.Resource));
        if (resource is null)
        {
            trace.ResourceSpans.Add(one.Clone());
            return;
        }

        var scope = resource.ScopeSpans.FirstOrDefault(known => known.Scope.Equals(one.ScopeSpans[0].Scope));
        if (scope is null) resource.ScopeSpans.Add(one.ScopeSpans[0].Clone());
        else scope.Spans.Add(one.ScopeSpans[0].Spans[0].Clone());
    }

    private bool TryClean(ResourceSpans resourceSpans, ScopeSpans scopeSpans, Span span, out ResourceSpans one)
    {
        one = new ResourceSpans { Resource = resourceSpans.Resource?.Clone() ?? new Resource() };
        if (span.TraceId.Length != 16 || span.TraceId.All(static b => b == 0) || span.SpanId.Length != 8
            || span.SpanId.All(static b => b == 0))
            return false;
        if (span.ParentSpanId.Length is not (0 or 8)) return false;
        var scope = scopeSpans.Scope?.Clone() ?? new InstrumentationScope();
        var clean = span.Clone();
        Clean(one.Resource.Attributes);
        Clean(scope.Attributes);
        CleanSpan(clean);
        one.Resource.DroppedAttributesCount %= 1000;
        if (_version.StartsWith("vParquet3", StringComparison.Ordinal))
            scope = new InstrumentationScope { Name = scope.Name, Version = scope.Version };
        if (_version == "vParquet3-early") one.Resource.DroppedAttributesCount = 0;
        one.ScopeSpans.Add(new ScopeSpans { Scope = scope, Spans = { clean } });
        return true;
    }

    private void CleanSpan(Span span)
    {
        if (span.Kind is < 0 or > 5) span.Kind = 0;
        if (span.Status is { Code: < 0 or > 2 }) span.Status.Code = 0;
        if (span.ParentSpanId.All(static b => b == 0)) span.ParentSpanId = ByteString.Empty;
        if (_isTame && span.StartTimeUnixNano is < 1_790_000_000_000_000_000 or > 1_800_000_000_000_000_000)
            span.StartTimeUnixNano = 1_790_000_000_000_000_000;
        if (_isTame && span.EndTimeUnixNano > 1_800_000_000_000_000_000) span.EndTimeUnixNano = 0;
        if (span.EndTimeUnixNano < span.StartTimeUnixNano) span.EndTimeUnixNano = span.StartTimeUnixNano;
        span.DroppedAttributesCount %= 1000;
        span.Flags = 0;
        Clean(span.Attributes);
        foreach (var spanEvent in span.Events) Clean(spanEvent.Attributes);
        foreach (var link in span.Links)
        {
            link.Flags = 0;
            if (link.TraceId.Length != 16) link.TraceId = ByteString.CopyFrom(new byte[16]);
            if (link.SpanId.Length != 8) link.SpanId = ByteString.CopyFrom(new byte[8]);
            Clean(link.Attributes);
        }
    }

    private void Clean(RepeatedField<KeyValue> attributes)
    {
        KeyValue[] once = [.. attributes.DistinctBy(static attribute => attribute.Key)];
        if (_isTame && once.Length < attributes.Count)
        {
            attributes.Clear();
            attributes.AddRange(once);
        }

        foreach (var attribute in attributes)
        {
            attribute.Value ??= new AnyValue();
            // Early vParquet3 has a leaf for arrays and one for lists, and loses bytes.
            if (_version == "vParquet3-early" && attribute.Value.ValueCase == AnyValue.ValueOneofCase.BytesValue)
                attribute.Value = new AnyValue { IntValue = 3 };
        }
    }
}
