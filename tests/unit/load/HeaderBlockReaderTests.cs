using System.Text;
using Tempo.Perf.Load.Transport;
using Tempo.Perf.Load.Transport.Http2;
using Xunit;

namespace Tempo.Perf.Load.Tests;

/// <summary>Vectors of RFC 7541, Appendix C.</summary>
public class HeaderBlockReaderTests
{
    [Theory]
    [InlineData("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com")]
    [InlineData("a8eb10649cbf", "no-cache")]
    [InlineData("25a849e95bb8e8b4bf", "custom-value")]
    [InlineData("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT")]
    [InlineData("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com")]
    [InlineData("94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")]
    public void Huffman_vectors_decode(string hex, string text)
    {
        var decoded = new byte[100];
        int length = HuffmanText.Decode(Convert.FromHexString(hex), decoded);
        Assert.Equal(text, Encoding.ASCII.GetString(decoded, 0, length));
    }

    [Theory]
    // C.6.1
    [InlineData("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", 302)]
    [InlineData("4803333032580770726976617465", 302)] // C.5.1, its first two fields
    [InlineData("88", 200)]
    public void Status_of_a_response(string hex, int expected)
    {
        (int http, _, _) = Read(hex);
        Assert.Equal(expected, http);
    }

    [Fact]
    public void Trailers_carry_the_grpc_status()
    {
        byte[] block = HeaderBlockWriter.Encode([("grpc-status", "8"), ("grpc-message", "slow down"), ("x-long", new string('a', 3000))]);
        Assert.Equal((0, 8, "slow down"), Read(Convert.ToHexString(block)));
    }

    [Theory]
    [InlineData("be")]             // entry 62, the first of the dynamic table
    [InlineData("48")]             // a literal without its value
    [InlineData("48033330")]       // a value shorter than its length
    [InlineData("ffffffffffffff")] // a number without end
    public void A_broken_block_is_an_error_of_the_peer(string hex) =>
        Assert.Throws<TransportException>(() => Read(hex));

    private static (int Http, int Grpc, string? Message) Read(string hex)
    {
        int http = 0, grpc = -1;
        string? message = null;
        new HeaderBlockReader(Convert.FromHexString(hex)).ReadStatuses(ref http, ref grpc, ref message);
        return (http, grpc, message);
    }
}
