using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator.Registry;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>
/// The sorted labels of an entity as encoded Label fields, in three pieces around <c>__name__</c> and <c>le</c>. Labels of
/// those two names cannot be told from the metric's own and are left out. The constant labels are the operator's word (whose
/// series these are): an entity's own label of the same name, which comes from a sender, is left out.
/// </summary>
internal sealed class LabelPieces : IDisposable
{
    private static readonly byte[] NameLabel = [.. "__name__"u8], BoundLabel = [.. "le"u8];

    private readonly (byte[] Name, byte[] Value)[] _constants;
    private readonly NativeBuffer _before = new(), _between = new(), _behind = new();
    private readonly List<Place> _order = [];
    private byte[] _text = new byte[1024];
    private int _textLength;

    public LabelPieces(IEnumerable<KeyValuePair<string, string>> constantLabels)
    {
        static (byte[], byte[]) Encode(KeyValuePair<string, string> label) =>
            (Encoding.UTF8.GetBytes(label.Key), Encoding.UTF8.GetBytes(label.Value));
        // Of two of one name the first counts: a receiver refuses a series that has it twice.
        _constants = [.. constantLabels.Where(static label => label.Value.Length > 0).DistinctBy(static label => label.Key).Select(Encode)];
    }

    public void Set(in EntityLabels labels)
    {
        _order.Clear();
        _textLength = 0;
        foreach (var (name, value) in _constants) Add(name, value);
        foreach (var label in labels)
            if (!Has(label.Name, _constants.Length)) Add(label.Name, label.Value);
        _order.Sort((a, b) => Name(a).SequenceCompareTo(Name(b)));
        Encode();
    }

    /// <summary>Writes all labels of one series, in order; no bound: no <c>le</c>.</summary>
    public void WriteTo(ProtobufWriter writer, ReadOnlySpan<byte> metric, ReadOnlySpan<byte> bound)
    {
        writer.Buffer.Append(_before.Written);
        WriteLabel(writer, NameLabel, metric);
        writer.Buffer.Append(_between.Written);
        if (bound.Length > 0) WriteLabel(writer, BoundLabel, bound);
        writer.Buffer.Append(_behind.Written);
    }

    public void Dispose()
    {
        _before.Dispose();
        _between.Dispose();
        _behind.Dispose();
    }

    private void Encode()
    {
        _before.Clear();
        _between.Clear();
        _behind.Clear();
        foreach (var label in _order)
        {
            var (byName, byBound) = (Name(label).SequenceCompareTo(NameLabel), Name(label).SequenceCompareTo(BoundLabel));
            if (byName == 0 || byBound == 0) continue;
            WriteLabel(new ProtobufWriter(byName < 0 ? _before : byBound < 0 ? _between : _behind), Name(label),
                _text.AsSpan(label.ValueStart, label.ValueLength));
        }
    }

    private static void WriteLabel(ProtobufWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var label = writer.BeginMessage(TimeSeriesTag.Labels);
        writer.WriteBytes(LabelTag.Name, name);
        writer.WriteBytes(LabelTag.Value, value);
        writer.EndMessage(label);
    }

    private void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var end = _textLength + name.Length + value.Length;
        if (end > _text.Length) Array.Resize(ref _text, Math.Max(end, _text.Length * 2));
        name.CopyTo(_text.AsSpan(_textLength));
        value.CopyTo(_text.AsSpan(_textLength + name.Length));
        _order.Add(new Place(_textLength, name.Length, _textLength + name.Length, value.Length));
        _textLength = end;
    }

    private bool Has(ReadOnlySpan<byte> name, int count)
    {
        for (var i = 0; i < count; i++)
            if (Name(_order[i]).SequenceEqual(name)) return true;
        return false;
    }

    private ReadOnlySpan<byte> Name(Place label) => _text.AsSpan(label.NameStart, label.NameLength);

    private readonly record struct Place(int NameStart, int NameLength, int ValueStart, int ValueLength);
}
