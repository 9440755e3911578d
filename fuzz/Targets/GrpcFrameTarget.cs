using System.Buffers;
using System.Buffers.Binary;
using Tempo.Host.Grpc;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The head of a gRPC message. Holds: it is read if, and only if, five bytes are there, however they are cut into segments; a
/// frame that passes has a flag that means something and a length within the limit.
/// </summary>
internal sealed class GrpcFrameTarget : IFuzzTarget
{
    private const int MaxMessageBytes = 4 << 20;

    public string Name => "grpc-frame";

    public void Run(ReadOnlySpan<byte> input)
    {
        var bytes = input.ToArray();
        var isRead = GrpcFrame.TryRead(new ReadOnlySequence<byte>(bytes), out var frame);
        Oracle.Holds(isRead == bytes.Length >= GrpcFrame.HeaderSizeBytes, "a frame is read if its head is there");
        for (var cut = 1; cut < Math.Min(bytes.Length, GrpcFrame.HeaderSizeBytes + 1); cut++)
        {
            Oracle.Holds(GrpcFrame.TryRead(Cut(bytes, cut), out var again) == isRead, "however it is cut");
            Oracle.Holds(again == frame, "and with the same result");
        }

        if (!isRead) return;
        Oracle.Holds(frame.Flag == bytes[0] && frame.LengthBytes == BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(1)),
            "flag and length are those of the head");
        foreach (var hasEncoding in new[] { false, true })
        {
            var isGood = frame.Check(hasEncoding, MaxMessageBytes) is null;
            Oracle.Holds(isGood == (frame.Flag <= (hasEncoding ? 1 : 0) && frame.LengthBytes <= MaxMessageBytes),
                "what passes has a known flag and fits");
        }
    }

    private static ReadOnlySequence<byte> Cut(byte[] bytes, int at)
    {
        var first = new Segment(bytes.AsMemory(0, at), 0, null);
        var last = new Segment(bytes.AsMemory(at), at, first);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index, Segment? before)
        {
            (Memory, RunningIndex) = (memory, index);
            if (before is not null) before.Next = this;
        }
    }
}
