using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Host.Foreign;

namespace Tempo.Host.Diff;

/// <summary>
/// A diff as the changes that make the base into the other trace, format <c>trace-patch-v0</c>: spans that were modified,
/// added and removed, each list up to <see cref="MaxListed"/>.
/// </summary>
internal static class TracePatchJson
{
    public const string Version = "trace-patch-v0";

    /// <summary>Spans in a list, and changes of a span; what is beyond is counted and not listed.</summary>
    public const int MaxListed = 1000;

    public static void Write(TraceDiff diff, (TraceId Base, TraceId Compare) ids, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output);
        Write(diff, ids, json);
    }

    public static void Write(TraceDiff diff, (TraceId Base, TraceId Compare) ids, Utf8JsonWriter json)
    {
        var modified = diff.Modified.ToList();
        json.WriteStartObject();
        json.WriteString("version", Version);
        WriteTrace(json, "base", ids.Base, diff.Base);
        WriteTrace(json, "compare", ids.Compare, diff.Compare);
        var isCut = modified.Count > MaxListed || diff.Added.Count > MaxListed || diff.Removed.Count > MaxListed
            || modified.Exists(static pair => pair.Changes.Count > MaxListed);
        WriteStats(json, diff, modified, isCut);
        json.WriteStartArray("modified");
        foreach (var pair in modified.Take(MaxListed)) WriteModified(json, pair);
        json.WriteEndArray();
        WriteSpans(json, "added", diff.Added);
        WriteSpans(json, "removed", diff.Removed);
        json.WriteStartArray("warnings");
        if (isCut) WriteWarning(json, "truncated", $"lists end after {MaxListed} entries; stats count them all");
        WriteRootWarning(json, diff);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WriteRootWarning(Utf8JsonWriter json, TraceDiff diff)
    {
        if (diff.Base.Root.Key != diff.Compare.Root.Key)
            WriteWarning(json, "different_roots", "the traces begin with different operations: they may be no two runs of the same thing");
    }

    public static void WriteWarning(Utf8JsonWriter json, string code, string message)
    {
        json.WriteStartObject();
        json.WriteString("code", code);
        json.WriteString("message", message);
        json.WriteEndObject();
    }

    private static void WriteTrace(Utf8JsonWriter json, string name, TraceId id, DiffTree tree)
    {
        json.WriteStartObject(name);
        json.WriteString("traceId", id.ToString());
        json.WriteNumber("spanCount", tree.Nodes.Count);
        json.WriteEndObject();
    }

    private static void WriteStats(Utf8JsonWriter json, TraceDiff diff, List<MatchedSpans> modified, bool isCut)
    {
        int CountOf(string type) => modified.Sum(pair => pair.Changes.Count(change => change.Type == type));
        json.WriteStartObject("stats");
        json.WriteNumber("spanCountA", diff.Base.Nodes.Count);
        json.WriteNumber("spanCountB", diff.Compare.Nodes.Count);
        json.WriteNumber("matchedSpans", diff.Matched.Count);
        json.WriteNumber("modifiedSpans", modified.Count);
        json.WriteNumber("addedSpans", diff.Added.Count);
        json.WriteNumber("removedSpans", diff.Removed.Count);
        json.WriteNumber("fieldChanges", CountOf("field"));
        json.WriteNumber("attributeChanges", CountOf("attribute"));
        json.WriteNumber("eventChanges", CountOf("event"));
        json.WriteBoolean("truncated", isCut);
        json.WriteEndObject();
    }

    private static void WriteModified(Utf8JsonWriter json, MatchedSpans pair)
    {
        json.WriteStartObject();
        json.WriteStartObject("span");
        WriteStep(json, pair.Base);
        json.WriteEndObject();
        json.WriteStartArray("changes");
        foreach (var change in pair.Changes.Take(MaxListed))
        {
            json.WriteStartObject();
            json.WriteString("op", change.Op);
            json.WriteStartObject("target");
            json.WriteString("type", change.Type);
            WriteIfAny(json, "name", change.Name);
            WriteIfAny(json, "scope", change.Scope);
            WriteIfAny(json, "key", change.Key);
            json.WriteEndObject();
            if (change.Op != "add") WriteValue(json, "before", change.Before);
            if (change.Op != "remove") WriteValue(json, "after", change.After);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteSpans(Utf8JsonWriter json, string name, List<DiffNode> nodes)
    {
        json.WriteStartArray(name);
        foreach (var node in nodes.Take(MaxListed))
        {
            json.WriteStartObject();
            json.WriteStartObject("target");
            json.WriteString("type", "span");
            json.WriteString("path", DiffTree.PathOf(node));
            if (node.Parent is { } parent) json.WriteString("parentPath", DiffTree.PathOf(parent));
            json.WriteNumber("index", node.Index);
            json.WriteEndObject();
            json.WriteStartObject("span");
            WriteStep(json, node);
            json.WriteNumber("duration_nanos", node.Span.DurationNano);
            json.WriteString("status", TraceDiff.StatusName(node.Span.StatusCode));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteStep(Utf8JsonWriter json, DiffNode node)
    {
        json.WriteString("path", DiffTree.PathOf(node));
        json.WriteString("service", node.Key.Service);
        json.WriteString("name", node.Key.Name);
        json.WriteString("kind", SpanNames.KnownKind(node.Key.Kind));
    }

    private static void WriteIfAny(Utf8JsonWriter json, string name, string text)
    {
        if (text.Length > 0) json.WriteString(name, text);
    }

    private static void WriteValue(Utf8JsonWriter json, string name, object? value)
    {
        json.WritePropertyName(name);
        AttributeJson.WriteValue(json, value);
    }
}
