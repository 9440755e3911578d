using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Query;

namespace Tempo.Host.Http;

/// <summary>
/// A trace of a search answer, the same bytes that <see cref="SearchJson.WriteTrace"/> writes token by token, put into one piece of memory
/// whose size is known to be enough: an answer of thousands of traces is mostly this. What needs escaping, is long, or has values that are
/// neither text, integer nor bool is left to the other.
/// </summary>
internal ref struct SearchJsonRow
{
    /// <summary>Longer ones are written token by token: half a block of the answer.</summary>
    private const int MaxBytes = 32 * 1024;

    // Names and punctuation with all numbers at their longest, of a trace, a service, a set of spans, a span and an attribute.
    private const int TraceFrameBytes = 256;
    private const int ServiceFrameBytes = 72;
    private const int SetFrameBytes = 64;
    private const int SpanFrameBytes = 160;
    private const int AttributeFrameBytes = 80;

    /// <summary>In place of the size of what has to be written token by token; a sum of millions of it is no overflow.</summary>
    private const long NotHere = 1L << 40;

    // SearchJson.RootNotReceived as it is escaped.
    private static ReadOnlySpan<byte> RootServiceNotReceived => ",\"rootServiceName\":\"\\u003croot span not yet received\\u003e\""u8;

    private static readonly SearchValues<char> Plain = SearchValues.Create(PlainChars());

    private readonly Span<byte> _span;
    private int _at;

    private SearchJsonRow(Span<byte> span) => _span = span;

    /// <summary>False, with nothing written, if the trace has to be written token by token.</summary>
    public static bool TryWrite(ref ProtoJsonWriter json, TraceSearchResult trace, bool isPadded)
    {
        // Looked through before memory is asked for: that may end a block of the answer of which half is free.
        var bytes = MostBytes(trace);
        if (bytes > MaxBytes) return false;
        var row = new SearchJsonRow(json.BeginRaw(bytes, out var begun));
        row._at = begun;
        row.WriteTrace(trace, isPadded);
        json.EndRaw(row._at);
        return true;
    }

    // Beyond MaxBytes if it cannot be written so.
    private static long MostBytes(TraceSearchResult trace)
    {
        var bytes = TraceFrameBytes + (trace.RootServiceName is null ? RootServiceNotReceived.Length : MostBytes(trace.RootServiceName))
            + MostBytes(trace.RootTraceName);
        foreach (ref readonly var service in trace.ServiceStats.AsSpan()) bytes += ServiceFrameBytes + MostBytes(service.ServiceName);
        // The first set stands there twice.
        for (var i = 0; i < trace.SpanSets.Length && bytes <= MaxBytes; i++) bytes += (i == 0 ? 2 : 1) * MostBytes(trace.SpanSets[i]);
        return bytes;
    }

    private static long MostBytes(SpanSetResult set)
    {
        var bytes = SetFrameBytes + MostBytes(set.Attributes);
        foreach (var span in set.Spans) bytes += SpanFrameBytes + MostBytes(span.Name) + MostBytes(span.Attributes);
        return bytes;
    }

    // A key that is empty is left out.
    private static long MostBytes(AttributeResult[] attributes)
    {
        long bytes = 0;
        foreach (ref readonly var attribute in attributes.AsSpan())
        {
            var value = attribute.Value switch { string text => MostBytes(text), long or bool => 0, _ => NotHere };
            bytes += AttributeFrameBytes + (attribute.Key.Length == 0 ? NotHere : MostBytes(attribute.Key)) + value;
        }

        return bytes;
    }

    // A plain character is one byte.
    private static long MostBytes(string? text) => text is null ? 0 : text.AsSpan().ContainsAnyExcept(Plain) ? NotHere : text.Length;

    private void WriteTrace(TraceSearchResult trace, bool isPadded)
    {
        Raw("{\"traceID\":\""u8);
        WriteId(trace.TraceId, isPadded);
        Raw("\""u8);
        if (trace.RootServiceName is null) Raw(RootServiceNotReceived);
        else Member(",\"rootServiceName\":"u8, trace.RootServiceName);
        Member(",\"rootTraceName\":"u8, trace.RootTraceName);
        LongMember(",\"startTimeUnixNano\":\""u8, trace.StartTimeUnixNano);
        IntMember(",\"durationMs\":"u8, trace.DurationMs);
        if (trace.SpanSets.Length > 0) WriteSets(trace.SpanSets);
        if (trace.ServiceStats.Length > 0) WriteServices(trace.ServiceStats);
        Raw("}"u8);
    }

    private void WriteSets(SpanSetResult[] sets)
    {
        Raw(",\"spanSet\":"u8);
        var first = _at;
        WriteSet(sets[0]);
        var length = _at - first;
        Raw(",\"spanSets\":["u8);
        _span.Slice(first, length).CopyTo(_span[_at..]);
        _at += length;
        for (var i = 1; i < sets.Length; i++)
        {
            Raw(","u8);
            WriteSet(sets[i]);
        }

        Raw("]"u8);
    }

    private void WriteSet(SpanSetResult set)
    {
        Raw("{"u8);
        var begun = _at;
        for (var i = 0; i < set.Spans.Length; i++)
        {
            Raw(i == 0 ? "\"spans\":["u8 : ","u8);
            WriteSpan(set.Spans[i]);
        }

        if (set.Spans.Length > 0) Raw("]"u8);
        if (set.Matched != 0) IntMember(_at > begun ? ",\"matched\":"u8 : "\"matched\":"u8, set.Matched);
        WriteAttributes(set.Attributes, _at > begun);
        Raw("}"u8);
    }

    private void WriteSpan(SpanResult span)
    {
        Raw("{\"spanID\":\""u8);
        WriteHex(span.SpanId.Value);
        Raw("\""u8);
        Member(",\"name\":"u8, span.Name);
        LongMember(",\"startTimeUnixNano\":\""u8, span.StartTimeUnixNano);
        LongMember(",\"durationNanos\":\""u8, span.DurationNanos);
        WriteAttributes(span.Attributes, needsComma: true);
        Raw("}"u8);
    }

    private void WriteAttributes(AttributeResult[] attributes, bool needsComma)
    {
        if (attributes.Length == 0) return;
        if (needsComma) Raw(","u8);
        Raw("\"attributes\":["u8);
        for (var i = 0; i < attributes.Length; i++)
        {
            ref readonly var attribute = ref attributes[i];
            Raw(i == 0 ? "{\"key\":"u8 : ",{\"key\":"u8);
            Text(attribute.Key);
            switch (attribute.Value)
            {
                case string text:
                    Raw(",\"value\":{\"stringValue\":"u8);
                    Text(text);
                    Raw("}}"u8);
                    break;
                case long number:
                    Raw(",\"value\":{\"intValue\":\""u8);
                    Utf8Formatter.TryFormat(number, _span[_at..], out var size);
                    _at += size;
                    Raw("\"}}"u8);
                    break;
                case bool flag:
                    Raw(flag ? ",\"value\":{\"boolValue\":true}}"u8 : ",\"value\":{\"boolValue\":false}}"u8);
                    break;
            }
        }

        Raw("]"u8);
    }

    private void WriteServices(ServiceStatsResult[] services)
    {
        for (var i = 0; i < services.Length; i++)
        {
            Raw(i == 0 ? ",\"serviceStats\":{"u8 : ","u8);
            Text(services[i].ServiceName);
            Raw(":{"u8);
            if (services[i].SpanCount != 0) IntMember("\"spanCount\":"u8, services[i].SpanCount);
            if (services[i].ErrorCount != 0)
                IntMember(services[i].SpanCount != 0 ? ",\"errorCount\":"u8 : "\"errorCount\":"u8, services[i].ErrorCount);
            Raw("}"u8);
        }

        Raw("}"u8);
    }

    private void Raw(ReadOnlySpan<byte> text)
    {
        text.CopyTo(_span[_at..]);
        _at += text.Length;
    }

    // Left out where it is empty.
    private void Member(ReadOnlySpan<byte> name, string? text)
    {
        if (string.IsNullOrEmpty(text)) return;
        Raw(name);
        Text(text);
    }

    // Of plain characters.
    private void Text(string text)
    {
        _span[_at++] = (byte)'"';
        Ascii.FromUtf16(text, _span[_at..], out var size);
        _at += size;
        _span[_at++] = (byte)'"';
    }

    // Left out where it is zero.
    private void LongMember(ReadOnlySpan<byte> name, ulong value)
    {
        if (value == 0) return;
        Raw(name);
        Utf8Formatter.TryFormat(value, _span[_at..], out var size);
        _at += size;
        Raw("\""u8);
    }

    private void IntMember(ReadOnlySpan<byte> name, uint value)
    {
        if (value == 0) return;
        Raw(name);
        Utf8Formatter.TryFormat(value, _span[_at..], out var size);
        _at += size;
    }

    // Without its leading zeros, but for the last digit, if it is not padded.
    private void WriteId(TraceId id, bool isPadded)
    {
        var digits = _span.Slice(_at, 32);
        WriteHex(id.High, digits);
        WriteHex(id.Low, digits[16..]);
        var zeros = isPadded
            ? 0
            : Math.Min(31, id.High != 0 ? BitOperations.LeadingZeroCount(id.High) / 4 : 16 + BitOperations.LeadingZeroCount(id.Low) / 4);
        digits[zeros..].CopyTo(digits);
        _at += 32 - zeros;
    }

    private void WriteHex(ulong value)
    {
        WriteHex(value, _span[_at..]);
        _at += 16;
    }

    private static void WriteHex(ulong value, Span<byte> destination)
    {
        destination = destination[..16];
        for (var i = 15; i >= 0; i--)
        {
            destination[i] = "0123456789abcdef"u8[(int)(value & 15)];
            value >>= 4;
        }
    }

    // What stands in JSON as it is, as ProtoJsonWriter sees it.
    private static char[] PlainChars() => [.. Enumerable.Range(0x20, 0x60).Select(static code => (char)code).Except("\"\\<>&")];
}
