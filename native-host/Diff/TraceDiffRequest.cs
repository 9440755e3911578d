using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Http;

namespace Tempo.Host.Diff;

/// <summary>One of the two traces that are asked for; seconds of 0 are no bound.</summary>
internal readonly record struct DiffTrace(TraceId Id, long StartSeconds, long EndSeconds);

/// <summary><c>{"base": {"traceId", "start", "end"}, "compare": {…}, "format"}</c>.</summary>
internal sealed record TraceDiffRequest(DiffTrace Base, DiffTrace Compare, string Format)
{
    private const int MaxDepth = 8;

    /// <summary>Reads a body; false with the text for the client.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> body, out TraceDiffRequest request, out string error)
    {
        request = null!;
        if (!JsonUnicode.IsSound(body.Span))
        {
            error = $"invalid request body: {JsonUnicode.Error}";
            return false;
        }

        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return TryRead(json.RootElement, out request, out error);
        }
        catch (JsonException e)
        {
            error = $"invalid request body: not JSON at byte {e.BytePositionInLine} of line {e.LineNumber + 1}";
            return false;
        }
    }

    /// <summary>The format that a word names; false with the text for the client.</summary>
    public static bool TryFormat(string word, out string format, out string error)
    {
        format = word.Length == 0 ? TracePatchJson.Version : word;
        error = format is TracePatchJson.Version or TraceSummaryJson.Native or TraceSummaryJson.Composed
            ? ""
            : $"unknown format {GoText.Quote(word)}, known are {TracePatchJson.Version}, {TraceSummaryJson.Native}, {TraceSummaryJson.Composed}";
        return error.Length == 0;
    }

    private static bool TryRead(JsonElement root, out TraceDiffRequest request, out string error)
    {
        request = null!;
        error = "invalid request body: an object is expected";
        if (root.ValueKind != JsonValueKind.Object) return false;
        var word = root.TryGetProperty("format", out var format)
            ? format.ValueKind == JsonValueKind.String ? format.GetString()! : format.GetRawText()
            : "";
        if (!TryFormat(word, out word, out error) || !TryReadTrace(root, "base", out var @base, out error)
            || !TryReadTrace(root, "compare", out var compare, out error))
            return false;
        request = new TraceDiffRequest(@base, compare, word);
        return true;
    }

    private static bool TryReadTrace(JsonElement root, string name, out DiffTrace trace, out string error)
    {
        trace = default;
        error = $"{name} is missing: an object with a traceId is expected";
        if (!root.TryGetProperty(name, out var json) || json.ValueKind != JsonValueKind.Object) return false;
        error = $"{name}.traceId: at most 32 hex digits are expected";
        if (!json.TryGetProperty("traceId", out var text) || text.ValueKind != JsonValueKind.String
            || !TraceId.TryParse(text.GetString(), out var id))
            return false;
        if (!TryReadSeconds(json, $"{name}.", "start", out var start, out error)
            || !TryReadSeconds(json, $"{name}.", "end", out var end, out error))
            return false;
        trace = new DiffTrace(id, start, end);
        if (start == 0 || end == 0 || start < end) return true;
        error = $"{name}: start must be before end. received start={start} end={end}";
        return false;
    }

    private static bool TryReadSeconds(JsonElement json, string at, string name, out long seconds, out string error)
    {
        seconds = 0;
        error = "";
        if (!json.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return true;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out seconds) && seconds >= 0) return true;
        error = $"{at}{name}: unix seconds are expected";
        return false;
    }
}
