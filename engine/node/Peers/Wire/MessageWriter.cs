using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Node.Peers.Wire;

/// <summary>Appends the fields of a message between nodes, by their numbers, as protobuf. <see cref="MessageReader"/> reads them.</summary>
internal readonly struct MessageWriter(NativeBuffer output)
{
    private readonly ProtobufWriter _writer = new(output);

    public void Number(uint field, ulong value) => _writer.WriteVarint(Tag(field, WireType.Varint), value);

    public void Fixed(uint field, ulong value) => _writer.WriteFixed64(Tag(field, WireType.Fixed64), value);

    public void Bytes(uint field, ReadOnlySpan<byte> bytes) => _writer.WriteBytes(Tag(field, WireType.LengthDelimited), bytes);

    /// <summary>Room for so many bytes, to be filled before anything else is written.</summary>
    public Span<byte> Room(uint field, int count)
    {
        _writer.WriteVarint(Tag(field, WireType.LengthDelimited), (ulong)count);
        var room = output.GetSpan(count)[..count];
        output.Advance(count);
        return room;
    }

    public void Text(uint field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    public void Id(uint field, in TraceId id)
    {
        Span<byte> bytes = stackalloc byte[TraceId.SizeBytes];
        id.Write(bytes);
        Bytes(field, bytes);
    }

    /// <summary>One of the numbers of a field that has several (packed).</summary>
    public void Packed(ulong value) => output.Advance(Varint.Encode(output.GetSpan(Varint.MaxSizeBytes), value));

    /// <summary>Begins a message in this one, or packed numbers; <see cref="End"/> takes what it returns.</summary>
    public int Begin(uint field) => _writer.BeginMessage(Tag(field, WireType.LengthDelimited));

    public void End(int start) => _writer.EndMessage(start);

    private static uint Tag(uint field, uint wireType) => field << WireType.NumberShift | wireType;
}
