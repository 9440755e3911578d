using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node.Slices;

/// <summary>
/// The bytes of a search's answer between nodes, as protobuf messages.
/// <code>
/// answer     1 trace, repeated   2 figures, in the order of <see cref="SearchMetrics"/>: packed varints   3 what could not be read
/// trace      1 id   2 root's service   3 root's name (left out: not known)   4 start, ns   5 duration, ms   6 duration, ns   7 span set  
///            8 service
/// span set   1 span, repeated   2 matched   3 attribute, repeated
/// span       1 id (fixed64)   2 name (left out: not asked for)   3 start, ns   4 duration, ns   5 attribute, repeated
/// service    1 name   2 spans   3 errors
/// attribute  1 key   2 value      value  1 text   2 long   3 double (fixed64)   4 bool   5 array: a message of values 1
/// </code>
/// </summary>
internal static class SearchMessages
{
    public static void Write(NativeBuffer output, SearchResult result)
    {
        var writer = new MessageWriter(output);
        foreach (var trace in result.Traces) WriteTrace(writer, trace);
        var m = result.Metrics;
        var figures = writer.Begin(2);
        foreach (var figure in (ulong[])[m.InspectedTraces, m.InspectedBytes, m.TotalBlocks, m.CompletedJobs, m.TotalJobs,
            m.TotalBlockBytes, m.InspectedSpans])
            writer.Packed(figure);
        writer.End(figures);
        writer.Text(3, result.Message);
    }

    /// <summary>Throws <see cref="PeerException"/> for what is none.</summary>
    public static SearchResult Read(ReadOnlySpan<byte> message)
    {
        var traces = new List<TraceSearchResult>();
        var (metrics, damage) = (new SearchMetrics(), "");
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out _))
        {
            if (field == 1) traces.Add(ReadTrace(bytes));
            else if (field == 2) metrics = ReadMetrics(bytes);
            else if (field == 3) damage = Encoding.UTF8.GetString(bytes);
        }

        var result = new SearchResult { Metrics = metrics, Message = damage };
        result.Traces.AddRange(traces);
        return result;
    }

    private static void WriteTrace(MessageWriter writer, TraceSearchResult trace)
    {
        var message = writer.Begin(1);
        writer.Id(1, trace.TraceId);
        if (trace.RootServiceName is { } service) writer.Text(2, service);
        if (trace.RootTraceName is { } name) writer.Text(3, name);
        writer.Number(4, trace.StartTimeUnixNano);
        writer.Number(5, trace.DurationMs);
        writer.Number(6, trace.DurationNano);
        foreach (var set in trace.SpanSets) WriteSpanSet(writer, set);
        foreach (var stats in trace.ServiceStats)
        {
            var of = writer.Begin(8);
            writer.Text(1, stats.ServiceName);
            writer.Number(2, stats.SpanCount);
            writer.Number(3, stats.ErrorCount);
            writer.End(of);
        }

        writer.End(message);
    }

    private static void WriteSpanSet(MessageWriter writer, SpanSetResult set)
    {
        var message = writer.Begin(7);
        foreach (var span in set.Spans)
        {
            var of = writer.Begin(1);
            writer.Fixed(1, span.SpanId.Value);
            if (span.Name is { } name) writer.Text(2, name);
            writer.Number(3, span.StartTimeUnixNano);
            writer.Number(4, span.DurationNanos);
            foreach (var attribute in span.Attributes) WriteAttribute(writer, 5, attribute);
            writer.End(of);
        }

        writer.Number(2, set.Matched);
        foreach (var attribute in set.Attributes) WriteAttribute(writer, 3, attribute);
        writer.End(message);
    }

    private static void WriteAttribute(MessageWriter writer, uint field, AttributeResult attribute)
    {
        var message = writer.Begin(field);
        writer.Text(1, attribute.Key);
        WriteValue(writer, 2, attribute.Value);
        writer.End(message);
    }

    // Values in an array are scalars.
    private static void WriteValue(MessageWriter writer, uint field, object value)
    {
        var message = writer.Begin(field);
        switch (value)
        {
            case string text:
                writer.Text(1, text);
                break;
            case long number:
                writer.Number(2, (ulong)number);
                break;
            case double number:
                writer.Fixed(3, BitConverter.DoubleToUInt64Bits(number));
                break;
            case bool flag:
                writer.Number(4, flag ? 1UL : 0);
                break;
            case object[] items:
                var array = writer.Begin(5);
                foreach (var item in items) WriteValue(writer, 1, item);
                writer.End(array);
                break;
            default:
                throw new InvalidOperationException($"a value of type {value.GetType()} in an answer");
        }

        writer.End(message);
    }

    private static TraceSearchResult ReadTrace(ReadOnlySpan<byte> message)
    {
        TraceId? id = null;
        string? service = null, name = null;
        var (start, durationMs, duration) = (0UL, 0U, 0UL);
        var sets = new List<SpanSetResult>();
        var stats = new List<ServiceStatsResult>();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1 && bytes.Length == TraceId.SizeBytes) id = TraceId.Read(bytes);
            else if (field == 2) service = Encoding.UTF8.GetString(bytes);
            else if (field == 3) name = Encoding.UTF8.GetString(bytes);
            else if (field == 4) start = number;
            else if (field == 5) durationMs = (uint)number;
            else if (field == 6) duration = number;
            else if (field == 7) sets.Add(ReadSpanSet(bytes));
            else if (field == 8) stats.Add(ReadStats(bytes));
        }

        return new TraceSearchResult
        {
            TraceId = id ?? throw new PeerException("a trace of a search's answer has no id"),
            RootServiceName = service,
            RootTraceName = name,
            StartTimeUnixNano = start,
            DurationMs = durationMs,
            DurationNano = duration,
            SpanSets = [.. sets],
            ServiceStats = [.. stats],
        };
    }

    private static SpanSetResult ReadSpanSet(ReadOnlySpan<byte> message)
    {
        var spans = new List<SpanResult>();
        var attributes = new List<AttributeResult>();
        var matched = 0U;
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) spans.Add(ReadSpan(bytes));
            else if (field == 2) matched = (uint)number;
            else if (field == 3) attributes.Add(ReadAttribute(bytes));
        }

        return new SpanSetResult { Spans = [.. spans], Matched = matched, Attributes = [.. attributes] };
    }

    private static SpanResult ReadSpan(ReadOnlySpan<byte> message)
    {
        var (id, start, duration) = (0UL, 0UL, 0UL);
        string? name = null;
        var attributes = new List<AttributeResult>();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) id = number;
            else if (field == 2) name = Encoding.UTF8.GetString(bytes);
            else if (field == 3) start = number;
            else if (field == 4) duration = number;
            else if (field == 5) attributes.Add(ReadAttribute(bytes));
        }

        return new SpanResult
        {
            SpanId = new SpanId(id),
            Name = name,
            StartTimeUnixNano = start,
            DurationNanos = duration,
            Attributes = [.. attributes]
        };
    }

    private static ServiceStatsResult ReadStats(ReadOnlySpan<byte> message)
    {
        var (name, spans, errors) = ("", 0U, 0U);
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            if (field == 1) name = Encoding.UTF8.GetString(bytes);
            else if (field == 2) spans = (uint)number;
            else if (field == 3) errors = (uint)number;
        }

        return new ServiceStatsResult(name, spans, errors);
    }

    private static AttributeResult ReadAttribute(ReadOnlySpan<byte> message)
    {
        var key = "";
        object? value = null;
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out _))
        {
            if (field == 1) key = Encoding.UTF8.GetString(bytes);
            else if (field == 2) value = ReadValue(bytes, mayBeArray: true);
        }

        return new AttributeResult(key, value ?? throw NoValue());
    }

    private static object ReadValue(ReadOnlySpan<byte> message, bool mayBeArray)
    {
        object? value = null;
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out var number))
        {
            value = field switch
            {
                1 => Encoding.UTF8.GetString(bytes),
                2 => (long)number,
                3 => BitConverter.UInt64BitsToDouble(number),
                4 => number != 0,
                5 when mayBeArray => ReadArray(bytes),
                _ => value,
            };
        }

        return value ?? throw NoValue();
    }

    private static object[] ReadArray(ReadOnlySpan<byte> message)
    {
        var items = new List<object>();
        var reader = new MessageReader(message);
        while (reader.TryRead(out var field, out var bytes, out _))
            if (field == 1)
                items.Add(ReadValue(bytes, mayBeArray: false));
        return [.. items];
    }

    private static SearchMetrics ReadMetrics(ReadOnlySpan<byte> packed)
    {
        var figures = new ulong[7];
        var reader = new MessageReader(packed);
        for (var i = 0; i < figures.Length && reader.TryReadPacked(out figures[i]); i++) { }

        return new SearchMetrics
        {
            InspectedTraces = (uint)figures[0],
            InspectedBytes = figures[1],
            TotalBlocks = (uint)figures[2],
            CompletedJobs = (uint)figures[3],
            TotalJobs = (uint)figures[4],
            TotalBlockBytes = figures[5],
            InspectedSpans = figures[6],
        };
    }

    private static PeerException NoValue() => new("an attribute of a search's answer has no value");
}
