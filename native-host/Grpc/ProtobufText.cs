using System.Text;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc;

/// <summary>Strings for <see cref="ProtobufWriter"/>, whose own callers have bytes already.</summary>
internal static class ProtobufText
{
    /// <summary>Writes a string field as UTF-8.</summary>
    public static void WriteText(this ProtobufWriter writer, uint tag, string text)
    {
        const int onStack = 256;
        if (text.Length * 3 > onStack)
        {
            writer.WriteBytes(tag, Encoding.UTF8.GetBytes(text));
            return;
        }

        Span<byte> utf8 = stackalloc byte[onStack];
        writer.WriteBytes(tag, utf8[..Encoding.UTF8.GetBytes(text, utf8)]);
    }
}
