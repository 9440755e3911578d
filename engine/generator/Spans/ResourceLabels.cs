using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Generator.Spans;

/// <summary>
/// All attributes of a resource as labels, sorted by label name so that the order on the wire does not make another
/// series; of equal names the first counts. An attribute that is called job or instance gets <c>__</c> in front, since the resource's
/// identity has those names; one whose name begins with a digit is left out, as in Tempo.
/// </summary>
internal sealed class ResourceLabels(IReadOnlySet<string> excluded, SeriesOptions options)
{
    /// <summary>Labels of one series; what comes after them is left out.</summary>
    private const int MaxLabels = 128;

    private static ReadOnlySpan<byte> Prefix => "__"u8;

    private readonly HashSet<string> _excluded = [.. excluded];
    private readonly List<Label> _labels = [];
    private byte[] _text = new byte[4096];
    private int _textLength;

    public int Count => _labels.Count;

    public void Clear()
    {
        _labels.Clear();
        _textLength = 0;
    }

    public void Offer(ReadOnlySpan<byte> key, in AnyValueView value)
    {
        if (_labels.Count >= MaxLabels || key.IsEmpty || key[0] is >= (byte)'0' and <= (byte)'9') return;
        if (_excluded.GetAlternateLookup<ReadOnlySpan<char>>() is var names && IsExcluded(names, key)) return;
        var start = _textLength;
        var most = start + Prefix.Length + key.Length + 1;
        if (most > _text.Length) Array.Resize(ref _text, Math.Max(most, _text.Length * 2));
        var name = key.SequenceEqual("job"u8) || key.SequenceEqual("instance"u8) ? Prefix.Length : 0;
        if (name > 0) Prefix.CopyTo(_text.AsSpan(start));
        var valueStart = start + Math.Min(options.MaxLabelNameBytes, name + LabelName.Write(key, _text.AsSpan(start + name)));
        if (LabelName.IsOfSeries(_text.AsSpan(start, valueStart - start))) return;
        _textLength = valueStart;
        AttributeText.Append(value, ref _text, ref _textLength);
        if (_textLength == valueStart) return;
        _labels.Add(new Label(start, valueStart - start, valueStart, _textLength - valueStart));
    }

    /// <summary>Appends name, value, name, value….</summary>
    public void AppendTo(LabelTuple tuple)
    {
        _labels.Sort((a, b) =>
        {
            var order = Name(a).SequenceCompareTo(Name(b));
            return order != 0 ? order : a.Start.CompareTo(b.Start);
        });
        for (var i = 0; i < _labels.Count; i++)
        {
            if (i > 0 && Name(_labels[i]).SequenceEqual(Name(_labels[i - 1]))) continue;
            tuple.AddName(Name(_labels[i]));
            tuple.Add(_text.AsSpan(_labels[i].ValueStart, _labels[i].ValueLength));
        }
    }

    private ReadOnlySpan<byte> Name(Label label) => _text.AsSpan(label.Start, label.Length);

    private static bool IsExcluded(HashSet<string>.AlternateLookup<ReadOnlySpan<char>> names, ReadOnlySpan<byte> key)
    {
        const int maxOnStack = 256;
        if (key.Length > maxOnStack) return false;
        Span<char> chars = stackalloc char[maxOnStack];
        return names.Contains(chars[..System.Text.Encoding.UTF8.GetChars(key, chars)]);
    }

    private readonly record struct Label(int Start, int Length, int ValueStart, int ValueLength);
}
