using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Peers;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// Pushes between nodes and their answers. Holds: the records of a batch are those that a parser of a few lines finds, each byte of the
/// requests in one, or it is refused with a <see cref="PeerException"/>; outcomes come back as they went; the head of an answer ends at its
/// empty line, is told only when it is whole, and whatever follows does not matter.
/// </summary>
internal sealed class PeerPushTarget : IFuzzTarget
{
    public string Name => "peer-push";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. Array.ConvertAll(
            ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 503 Service Unavailable\r\n", "Content-Length: 0\r\n", "content-length:12\r\n",
                "Connection: close\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "\r\n", ":"],
            Encoding.ASCII.GetBytes),
        [1, 1, 1, 0, 0, 0, (byte)'a'], [0, 1, 2, 0, 0, 0, (byte)'b'], [7, 0, 0, 0], [14, 0, 0, 0],
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        switch (input[0] % 3)
        {
            case 0:
                Batch(input[1..]);
                break;
            case 1:
                Outcomes(input[1..]);
                break;
            default:
                AnswerHead(input[1..]);
                break;
        }
    }

    private static void Batch(ReadOnlySpan<byte> batch)
    {
        var expected = Parse(batch.ToArray());
        List<(string Tenant, bool IsCounted, int Start, int Bytes)>? found = [];
        try
        {
            var records = new PushRecords(batch);
            var areOne = records.AreOne();
            while (records.TryNext(out var record))
            {
                _ = batch.Slice(record.Start, record.Bytes);
                found.Add((Encoding.Latin1.GetString(record.Tenant), record.IsCounted, record.Start, record.Bytes));
            }

            Oracle.Holds(areOne == (found.Select(static record => (record.Tenant, record.IsCounted)).Distinct().Count() <= 1),
                "of one tenant, or of several");
        }
        catch (PeerException)
        {
            found = null;
        }

        Oracle.Holds((found is null) == (expected is null), "it makes sense, or none");
        Oracle.Holds(found is null || found.SequenceEqual(expected!), "these records");
    }

    // From behind: the length of the headers, the headers, the requests.
    private static List<(string Tenant, bool IsCounted, int Start, int Bytes)>? Parse(byte[] batch)
    {
        if (batch.Length < 4) return null;
        long headerBytes = BinaryPrimitives.ReadUInt32LittleEndian(batch.AsSpan(batch.Length - 4));
        if (headerBytes > batch.Length - 4) return null;
        var end = batch.Length - 4;
        var (header, requests, start) = (end - (int)headerBytes, end - headerBytes, 0L);
        var records = new List<(string, bool, int, int)>();
        while (header < end)
        {
            if (end - header < 6) return null;
            long bytes = BinaryPrimitives.ReadInt32LittleEndian(batch.AsSpan(header + 2));
            if (header + 6 + batch[header + 1] > end || bytes < 1 || start + bytes > requests) return null;
            records.Add((Encoding.Latin1.GetString(batch, header + 6, batch[header + 1]), (batch[header] & 1) == 1, (int)start,
                (int)bytes));
            header += 6 + batch[header + 1];
            start += bytes;
        }

        return start == requests ? records : null;
    }

    private static void Outcomes(ReadOnlySpan<byte> answer)
    {
        const int MostCharacters = 4096; // of a message
        using var again = new NativeBuffer();
        while (PeerProtocol.TryReadOutcome(ref answer, out var outcome))
        {
            again.Clear();
            PeerProtocol.WriteOutcome(again, outcome);
            var written = again.Written;
            Oracle.Holds(
                PeerProtocol.TryReadOutcome(ref written, out var second) && written.IsEmpty, "what is written is an outcome, and no more");
            if (outcome.Message.Length > MostCharacters) second = second with { Message = outcome.Message };
            Oracle.Holds(second.Equals(outcome), "and the same");
        }
    }

    private static void AnswerHead(ReadOnlySpan<byte> bytes)
    {
        PushAnswerHead head;
        try
        {
            if (!PushAnswerHead.TryRead(bytes, out head)) return;
        }
        catch (PeerException)
        {
            return;
        }

        var text = Encoding.Latin1.GetString(bytes);
        Oracle.Holds(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4 == head.HeadBytes, "it ends at its empty line");
        for (var length = 0; length < head.HeadBytes; length++)
            Oracle.Holds(!PushAnswerHead.TryRead(bytes[..length], out _), "a part of it is none");
        Oracle.Holds(PushAnswerHead.TryRead(bytes[..head.HeadBytes], out var again) && again == head, "what follows does not matter");
        var lines = text[..(head.HeadBytes - 4)].Split("\r\n");
        Oracle.Holds(lines[0].StartsWith($"HTTP/1.1 {head.Status}", StringComparison.Ordinal), "its status");
        var fields = lines.Skip(1).Select(static line => line.Split(':', 2))
            .Select(static field => (Name: field[0].ToLowerInvariant(), Value: field[1].Trim(' ', '\t'))).ToList();
        Oracle.Holds(fields.Where(static field => field.Name == "content-length").Select(static field => field.Value.TrimStart('0'))
            .SequenceEqual([head.BodyBytes == 0 ? "" : $"{head.BodyBytes}"]), "one length");
        Oracle.Holds(fields.TrueForAll(static field => field.Name != "transfer-encoding"), "no chunks");
        Oracle.Holds(head.MayGoOn == !fields.Exists(
            static field => field.Name == "connection" && field.Value.Equals("close", StringComparison.OrdinalIgnoreCase)),
                "whether it goes on");
    }
}
