using System.Text;

namespace Tempo.Perf.Load.Transport.Http2;

/// <summary>
/// Encodes a header block of literals without indexing and without Huffman (RFC 7541 §6.2.2): the same bytes serve every request.
/// </summary>
internal static class HeaderBlockWriter
{
    public static byte[] Encode(IEnumerable<(string Name, string Value)> headers)
    {
        var block = new MemoryStream();
        foreach ((string name, string value) in headers)
        {
            block.WriteByte(0x00);
            WriteText(block, name);
            WriteText(block, value);
        }
        return block.ToArray();
    }

    private static void WriteText(MemoryStream block, string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        if (bytes.Length < 127)
        {
            block.WriteByte((byte)bytes.Length);
        }
        else
        {
            block.WriteByte(127);
            int rest = bytes.Length - 127;
            for (; rest >= 0x80; rest >>= 7) block.WriteByte((byte)(rest | 0x80));
            block.WriteByte((byte)rest);
        }
        block.Write(bytes);
    }
}
