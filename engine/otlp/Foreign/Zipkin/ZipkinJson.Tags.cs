using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;

namespace Tempo.Engine.Otlp.Foreign.Zipkin;

// Tags are the most of a span, and nearly always strings without escapes and with no blanks between them:
//
//   { "key":"value","key":"value" }          a pair is taken whole if , and " or } follow it at once
//
// Such pairs are taken from the front, in half the time that their tokens take. The reader is then set behind them, as if they had not been
// there: it finds a name or the end of the object, each of which may stand behind the brace, and whatever is otherwise.
internal ref partial struct ZipkinJson
{
    private void TakePlainTags()
    {
        var begin = _readerStart + (int)_reader.BytesConsumed;
        var at = begin;
        while (TryTakePlainTag(ref at))
        {
        }

        if (at == begin) return;
        _readerStart = at;
        _reader = new Utf8JsonReader(_json[at..], isFinalBlock: true, _reader.CurrentState);
    }

    private readonly bool TryTakePlainTag(ref int at)
    {
        if (!TryReadPlain(at, (byte)':', out var key, out var next) || !TryReadPlain(next, (byte)',', out var value, out next))
            return false;
        writer.Tag(key, value);
        at = next;
        return true;
    }

    // A plain string and what belongs behind it: for a comma also what follows that, or the end of the object, of which the place is the
    // result.
    private readonly bool TryReadPlain(int at, byte separator, out ReadOnlySpan<byte> text, out int next)
    {
        text = default;
        next = 0;
        if (at >= _json.Length || _json[at] != '"') return false;
        var end = EndOfPlain(_json, at + 1);
        if (end < 0 || end + 2 >= _json.Length) return false;
        text = _json[(at + 1)..end];
        var isLast = separator == ',' && _json[end + 1] == '}';
        next = isLast ? end + 1 : end + 2;
        return isLast || (_json[end + 1] == separator && _json[end + 2] == '"');
    }

    // The next quotation mark; -1 if an escape or a control character comes first, or the end of the text is too near to look for it.
    private static int EndOfPlain(ReadOnlySpan<byte> json, int at)
    {
        ref var first = ref MemoryMarshal.GetReference(json);
        for (; at <= json.Length - Vector256<byte>.Count; at += Vector256<byte>.Count)
        {
            var bytes = Vector256.LoadUnsafe(ref first, (nuint)at);
            var stops = Vector256.Equals(bytes, Vector256.Create((byte)'"')) | Vector256.Equals(bytes, Vector256.Create((byte)'\\'))
                | Vector256.LessThanOrEqual(bytes, Vector256.Create((byte)0x1F));
            if (stops == Vector256<byte>.Zero) continue;
            at += BitOperations.TrailingZeroCount(stops.ExtractMostSignificantBits());
            return json[at] == '"' ? at : -1;
        }

        return -1;
    }
}
