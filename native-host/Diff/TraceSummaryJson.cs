using System.Buffers;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Diff;

/// <summary>
/// A diff in figures: how the traces compare as wholes and service by service. <c>trace-summary-v0-composed</c> has the patch
/// in it, as long as that is short.
/// </summary>
internal static class TraceSummaryJson
{
    public const string Native = "trace-summary-v0-native", Composed = "trace-summary-v0-composed";

    /// <summary>Largest patch within a summary, in bytes.</summary>
    private const int MaxPatchBytes = 64 << 10;

    private const double NanosecondsInMs = 1e6;

    public static void Write(TraceDiff diff, (TraceId Base, TraceId Compare) ids, bool hasPatch, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("version", hasPatch ? Composed : Native);
        var (before, after) = (TraceFigures.Of(diff.Base), TraceFigures.Of(diff.Compare));
        WriteTrace(json, "base", ids.Base, diff.Base, before);
        WriteTrace(json, "compare", ids.Compare, diff.Compare, after);
        WriteSignals(json, diff, before, after);
        WriteTrust(json, diff);
        WriteStats(json, diff, before, after);
        json.WriteStartArray("warnings");
        TracePatchJson.WriteRootWarning(json, diff);
        json.WriteEndArray();
        WriteServices(json, diff);
        if (hasPatch) WritePatch(json, diff, ids);
        json.WriteEndObject();
    }

    private static void WriteTrace(Utf8JsonWriter json, string name, TraceId id, DiffTree tree, TraceFigures figures)
    {
        json.WriteStartObject(name);
        json.WriteString("traceId", id.ToString());
        json.WriteString("rootService", tree.Root.Key.Service);
        json.WriteString("rootName", tree.Root.Key.Name);
        json.WriteNumber("spanCount", tree.Nodes.Count);
        json.WriteNumber("errorSpanCount", figures.Errors);
        json.WriteNumber("durationMs", figures.DurationNano / NanosecondsInMs);
        json.WriteNumber("sumSpanDurationMs", figures.SumNano / NanosecondsInMs);
        json.WriteEndObject();
    }

    private static void WriteSignals(Utf8JsonWriter json, TraceDiff diff, TraceFigures before, TraceFigures after)
    {
        json.WriteStartObject("signals");
        json.WriteString("traceLatency", TraceDiff.DifferMuch((ulong)before.DurationNano, (ulong)after.DurationNano)
            ? Direction(before.DurationNano, after.DurationNano)
            : "unchanged");
        json.WriteString("sumSpanDuration", TraceDiff.DifferMuch((ulong)before.SumNano, (ulong)after.SumNano)
            ? Direction(before.SumNano, after.SumNano)
            : "unchanged");
        json.WriteString("errors", Direction(before.Errors, after.Errors));
        json.WriteString("spanCount", Direction(diff.Base.Nodes.Count, diff.Compare.Nodes.Count));
        json.WriteString("structure", diff.Added.Count + diff.Removed.Count > 0 ? "changed" : "unchanged");
        json.WriteEndObject();
    }

    private static string Direction(double before, double after) =>
        after > before ? "increased" : after < before ? "decreased" : "unchanged";

    // Of two traces that have little in common the changes say little.
    private static void WriteTrust(Utf8JsonWriter json, TraceDiff diff)
    {
        var (before, after) = (StepsOf(diff.Base), StepsOf(diff.Compare));
        var common = before.Count(after.Contains);
        json.WriteStartObject("trust");
        json.WriteNumber("matchedSpanRatio", 2.0 * diff.Matched.Count / (diff.Base.Nodes.Count + diff.Compare.Nodes.Count));
        json.WriteNumber("structureOverlap", (double)common / (before.Count + after.Count - common));
        json.WriteEndObject();
    }

    private static HashSet<(StepKey?, StepKey)> StepsOf(DiffTree tree) =>
        tree.Nodes.Select(static node => (node.Parent?.Key, node.Key)).ToHashSet();

    private static void WriteStats(Utf8JsonWriter json, TraceDiff diff, TraceFigures before, TraceFigures after)
    {
        json.WriteStartObject("stats");
        json.WriteNumber("matchedSpans", diff.Matched.Count);
        json.WriteNumber("modifiedSpans", diff.Modified.Count());
        json.WriteNumber("addedSpans", diff.Added.Count);
        json.WriteNumber("removedSpans", diff.Removed.Count);
        json.WriteNumber("spanCountDelta", diff.Compare.Nodes.Count - diff.Base.Nodes.Count);
        json.WriteNumber("errorSpanCountDelta", after.Errors - before.Errors);
        json.WriteNumber("durationDeltaMs", (after.DurationNano - before.DurationNano) / NanosecondsInMs);
        json.WriteNumber("sumSpanDurationDeltaMs", (after.SumNano - before.SumNano) / NanosecondsInMs);
        json.WriteEndObject();
    }

    // The services with the largest difference of time first.
    private static void WriteServices(Utf8JsonWriter json, TraceDiff diff)
    {
        var services = ServiceFigures.Of(diff);
        var changed = services.Where(static service => service.IsChanged).OrderByDescending(static service => Math.Abs(service.DeltaNano))
            .ThenBy(static service => service.Name, StringComparer.Ordinal).ToList();
        json.WriteNumber("changedServices", changed.Count);
        json.WriteStartArray("services");
        foreach (var service in changed.Take(TracePatchJson.MaxListed))
        {
            json.WriteStartObject();
            json.WriteString("name", service.Name);
            json.WriteNumber("sumSpanDurationDeltaMs", service.DeltaNano / NanosecondsInMs);
            json.WriteNumber("modified", service.Modified);
            json.WriteNumber("added", service.Added);
            json.WriteNumber("removed", service.Removed);
            json.WriteNumber("newErrors", service.NewErrors);
            json.WriteNumber("resolvedErrors", service.ResolvedErrors);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePatch(Utf8JsonWriter json, TraceDiff diff, (TraceId Base, TraceId Compare) ids)
    {
        var patch = new ArrayBufferWriter<byte>();
        TracePatchJson.Write(diff, ids, patch);
        if (patch.WrittenCount <= MaxPatchBytes)
        {
            json.WritePropertyName("patch");
            json.WriteRawValue(patch.WrittenSpan, skipInputValidation: true);
            return;
        }

        json.WriteStartObject("patchOmitted");
        json.WriteNumber("bytes", patch.WrittenCount);
        json.WriteString("reason", "over_budget");
        json.WriteEndObject();
    }
}
