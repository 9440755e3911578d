using System.Buffers;
using Tempo.Engine.Otlp;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>The dictionaries of one <c>Attrs</c> group in one row group.</summary>
internal sealed class AttributeDictionaries(PageLoad load)
{
    private readonly ArrayBufferWriter<byte> _json = new();

    public StringDictionary Keys { get; } = new(load);

    public StringDictionary Values { get; } = new(load);

    public StringDictionary Unsupported { get; } = new(load);

    /// <summary>Index of the proto-JSON text of an AnyValue message.</summary>
    public int UnsupportedOfMessage(ReadOnlySpan<byte> message)
    {
        _json.ResetWrittenCount();
        return Unsupported.Index(AnyValueJson.TryWrite(message, _json, out _) ? _json.WrittenSpan : "{}"u8);
    }

    public void Clear()
    {
        Keys.Clear();
        Values.Clear();
        Unsupported.Clear();
    }
}
