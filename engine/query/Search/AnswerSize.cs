namespace Tempo.Engine.Query.Search;

/// <summary>
/// What an answer takes as objects, roughly: texts are shared between answers more often than not, and counted here as if they were not.
/// </summary>
internal static class AnswerSize
{
    private const long TraceBytes = 260, SetBytes = 120, SpanBytes = 120, ValueBytes = 64, ServiceBytes = 32;

    /// <summary>Bytes of a trace with all that is said of it.</summary>
    public static long BytesOf(TraceSearchResult trace)
    {
        var bytes = TraceBytes + TextBytes(trace.RootServiceName) + TextBytes(trace.RootTraceName);
        foreach (var service in trace.ServiceStats) bytes += ServiceBytes + TextBytes(service.ServiceName);
        foreach (var set in trace.SpanSets)
        {
            bytes += SetBytes + BytesOf(set.Attributes);
            foreach (var span in set.Spans) bytes += SpanBytes + TextBytes(span.Name) + BytesOf(span.Attributes);
        }

        return bytes;
    }

    private static long BytesOf(AttributeResult[] attributes)
    {
        long bytes = 0;
        foreach (var (_, value) in attributes) bytes += ValueBytes + (value is string text ? TextBytes(text) : 0);
        return bytes;
    }

    private static long TextBytes(string? text) => text is null ? 0 : 2L * text.Length;
}
