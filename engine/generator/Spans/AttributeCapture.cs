using System.Buffers.Text;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// Keeps the values of those attributes that some processor asked for, as text, for the span (or the resource) that is
/// being read. All others cost one look into a table by the key's length. The first of several equal keys counts, as in
/// Tempo. Not thread safe.
/// </summary>
public sealed class AttributeCapture
{
    private readonly List<byte[]> _keys = [];
    private readonly List<Captured> _values = [];

    // Key numbers by the length of the key: nearly every attribute that nobody asked for ends here.
    private int[]?[] _byLength = [];
    private byte[] _text = new byte[1024];
    private int _textLength;
    private uint _round = 1;

    /// <summary>Asks for an attribute; the result is its number.</summary>
    public int Ask(string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        var known = _keys.FindIndex(candidate => candidate.AsSpan().SequenceEqual(bytes));
        if (known >= 0) return known;
        _keys.Add(bytes);
        _values.Add(default);
        if (bytes.Length >= _byLength.Length) Array.Resize(ref _byLength, bytes.Length + 1);
        _byLength[bytes.Length] = [.. _byLength[bytes.Length] ?? [], _keys.Count - 1];
        return _keys.Count - 1;
    }

    /// <summary>Forgets the values.</summary>
    public void Clear()
    {
        _round++;
        _textLength = 0;
    }

    /// <summary>The value's text; empty if there is none.</summary>
    public ReadOnlySpan<byte> this[int number]
    {
        get
        {
            var value = _values[number];
            return value.Round == _round ? _text.AsSpan(value.Start, value.Length) : [];
        }
    }

    public bool Has(int number) => _values[number].Round == _round;

    /// <summary>The value as a number, if it is an int, a double, or text that is one; else not a number.</summary>
    public double Number(int number) =>
        Has(number) && Utf8Parser.TryParse(this[number], out double value, out var read) && read == this[number].Length
            ? value
            : double.NaN;

    /// <summary>An attribute passes by.</summary>
    public void Offer(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (key.Length >= _byLength.Length || _byLength[key.Length] is not { } candidates) return;
        foreach (var candidate in candidates)
        {
            if (!key.SequenceEqual(_keys[candidate])) continue;
            if (!Has(candidate)) Keep(candidate, value);
            return;
        }
    }

    private void Keep(int number, in AnyValueView value)
    {
        var start = _textLength;
        AttributeText.Append(value, ref _text, ref _textLength);
        _values[number] = new Captured(_round, start, _textLength - start);
    }

    private readonly record struct Captured(uint Round, int Start, int Length);
}
