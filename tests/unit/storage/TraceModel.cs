using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>
/// What storage must give back, the slow and plain way: the requests as the oracle's objects, each rule of the specification
/// applied to them in turn. Traces are compared as sorted texts, one for each span with its resource and scope.
/// </summary>
internal sealed class TraceModel(int maxAttributeBytes)
{
    private readonly Dictionary<string, Dictionary<(ByteString Id, int Kind), Entry>> _traces = [];

    private sealed record Entry(Resource Resource, InstrumentationScope Scope, Span Span);

    public int SpanCount => _traces.Values.Sum(static spans => spans.Count);

    public IEnumerable<string> TraceIds => _traces.Keys;

    public void Add(byte[] request)
    {
        foreach (var resourceSpans in TracesData.Parser.ParseFrom(request).ResourceSpans)
            foreach (var scopeSpans in resourceSpans.ScopeSpans)
                foreach (var span in scopeSpans.Spans)
                    Add(resourceSpans.Resource?.Clone() ?? new Resource(), scopeSpans.Scope?.Clone() ?? new InstrumentationScope(), span);
    }

    /// <summary>The traces by id in hex. A block knows no flags, and no service.name that is empty.</summary>
    public Dictionary<string, string[]> Expected(bool fromBlock) => _traces.ToDictionary(
        static trace => trace.Key,
        trace => Sorted(trace.Value.Values.Select(entry => fromBlock ? Describe(AsBlock(entry)) : Describe(entry))));

    /// <summary>A written trace in the form of <see cref="Expected"/>.</summary>
    public static string[] Describe(ReadOnlySpan<byte> tracesData)
    {
        var data = TracesData.Parser.ParseFrom(tracesData);
        return Sorted(
            from resourceSpans in data.ResourceSpans
            from scopeSpans in resourceSpans.ScopeSpans
            from span in scopeSpans.Spans
            select Describe(new Entry(resourceSpans.Resource.Clone(), scopeSpans.Scope.Clone(), span)));
    }

    private void Add(Resource resource, InstrumentationScope scope, Span span)
    {
        if (span.TraceId.Length != 16 || span.TraceId.All(static b => b == 0)) return;
        if (span.SpanId.Length != 8 || span.SpanId.All(static b => b == 0) || span.ParentSpanId.Length is not (0 or 8)) return;
        Apply(resource.Attributes);
        Apply(scope.Attributes);
        ApplySpanRules(span);
        var id = Convert.ToHexStringLower(span.TraceId.Span);
        if (!_traces.TryGetValue(id, out var spans)) _traces.Add(id, spans = []);
        if (spans.TryGetValue((span.SpanId, span.Kind), out var known) && !Wins(span, known.Span)) return;
        spans[(span.SpanId, span.Kind)] = new Entry(resource, scope, span);
    }

    // The one that began first; of those the longest; of those one that failed; of those the first by name.
    private static bool Wins(Span one, Span other) =>
        one.StartTimeUnixNano != other.StartTimeUnixNano ? one.StartTimeUnixNano < other.StartTimeUnixNano
        : one.EndTimeUnixNano != other.EndTimeUnixNano ? one.EndTimeUnixNano > other.EndTimeUnixNano
        : Code(one) != Code(other) ? Code(one) > Code(other)
        : Encoding.UTF8.GetBytes(one.Name).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(other.Name)) < 0;

    private static int Code(Span span) => span.Status?.Code ?? 0;

    private void ApplySpanRules(Span span)
    {
        if (span.Kind is < 0 or > 255) span.Kind = 0;
        if (span.EndTimeUnixNano < span.StartTimeUnixNano) span.EndTimeUnixNano = span.StartTimeUnixNano;
        if (span.ParentSpanId.All(static b => b == 0)) span.ParentSpanId = ByteString.Empty;
        if (span.Status is { Code: < 0 or > 127 }) span.Status.Code = 0;
        Apply(span.Attributes);
        foreach (var spanEvent in span.Events) Apply(spanEvent.Attributes);
        foreach (var link in span.Links)
        {
            if (link.TraceId.Length != 16) link.TraceId = ByteString.CopyFrom(new byte[16]);
            if (link.SpanId.Length != 8) link.SpanId = ByteString.CopyFrom(new byte[8]);
            Apply(link.Attributes);
        }
    }

    // Keys, texts and the texts of a text array are cut; what is kept as a whole message is not.
    private void Apply(RepeatedField<KeyValue> attributes)
    {
        foreach (var attribute in attributes)
        {
            attribute.Key = Cut(attribute.Key);
            if (attribute.Value?.ValueCase == AnyValue.ValueOneofCase.StringValue)
                attribute.Value.StringValue = Cut(attribute.Value.StringValue);
            if (attribute.Value?.ArrayValue?.Values is { } items
                && items.All(static item => item.ValueCase == AnyValue.ValueOneofCase.StringValue))
                foreach (var item in items)
                    item.StringValue = Cut(item.StringValue);
        }
    }

    private string Cut(string text)
    {
        if (Encoding.UTF8.GetByteCount(text) <= maxAttributeBytes) return text;
        var cut = new StringBuilder();
        var size = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            size += rune.Utf8SequenceLength;
            if (size > maxAttributeBytes) break;
            cut.Append(rune.ToString());
        }

        return cut.ToString();
    }

    private static Entry AsBlock(Entry entry)
    {
        var resource = entry.Resource.Clone();
        var span = entry.Span.Clone();
        var name = resource.Attributes.FirstOrDefault(
            static a => a.Key == "service.name" && a.Value?.ValueCase == AnyValue.ValueOneofCase.StringValue);
        if (name is { Value.StringValue: "" }) resource.Attributes.Remove(name);
        span.Flags = 0;
        foreach (var link in span.Links) link.Flags = 0;
        return new Entry(resource, entry.Scope, span);
    }

    // Attribute order is not kept where some have columns of their own; an absent status is an empty one, likewise a value.
    private static string Describe(Entry entry)
    {
        var span = entry.Span.Clone();
        span.Status ??= new Status();
        Sort(span.Attributes);
        foreach (var spanEvent in span.Events) Sort(spanEvent.Attributes);
        foreach (var link in span.Links) Sort(link.Attributes);
        var resource = entry.Resource.Clone();
        var scope = entry.Scope.Clone();
        Sort(resource.Attributes);
        Sort(scope.Attributes);
        return $"{span}\n  {resource}\n  {scope}";
    }

    private static void Sort(RepeatedField<KeyValue> attributes)
    {
        foreach (var attribute in attributes) attribute.Value ??= new AnyValue();
        var sorted = attributes.OrderBy(static a => a.ToString(), StringComparer.Ordinal).ToArray();
        attributes.Clear();
        attributes.AddRange(sorted);
    }

    private static string[] Sorted(IEnumerable<string> texts) => [.. texts.Order(StringComparer.Ordinal)];
}
