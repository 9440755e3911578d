using System.Text;
using Tempo.Host.Grpc.Reflection;
using Tempo.Host.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Grpc;

/// <summary>What the descriptors are worth is tested with a real client, in tests/system.</summary>
public class ReflectionTests
{
    private static readonly ServerSchema Schema = ServerSchema.Load();

    [Fact]
    public void AFileComesWithAllItImports()
    {
        var files = Schema.FindSymbol("tempopb.StreamingQuerier.Search")!;
        Assert.Equal(
            ["tempo.proto", "trace.proto", "common.proto"], files.Select(static f => Encoding.UTF8.GetString(TestTraces.Fields(f)[0])));
        Assert.Equal(files, Schema.FindFile("tempo.proto"));
        Assert.Null(Schema.FindFile("other.proto"));
        Assert.Null(Schema.FindSymbol("tempopb.Other"));
    }

    [Theory]
    [InlineData("message M { string a = 1; }", "74.proto|p|M(a=1:9)")]
    [InlineData("message M { message N { } repeated N n = 2; }", "74.proto|p|M(n=2:11*.p.M.N)")]
    [InlineData("message N { } message M { message N { } N n = 2; p.N o = 3; }", "74.proto|p|N()M(n=2:11.p.M.No=3:11.p.N)")]
    [InlineData("message M { map<string, int64> some_map = 3; enum E { X = 0; } E e = 4; }",
        "74.proto|p|M(some_map=3:11*.p.M.SomeMapEntrye=4:14.p.M.E)")]
    public void NamesAreResolvedFromTheInside(string body, string expected)
    {
        var file = ProtoParser.Parse("74.proto", $"syntax = \"proto3\"; // why\npackage p;\n{body}");
        var types = new Dictionary<string, bool>();
        FileDescriptor.AddTypes(file, types);
        Assert.Equal(expected, Describe(new FileDescriptor(types).Write(file)));
    }

    [Theory]
    [InlineData("syntax = \"proto2\";")]
    [InlineData("extend M { }")]
    [InlineData("message M { string a = 1 }")]
    [InlineData("message M {")]
    public void WhatIsNotKnownIsNotPassedOver(string text) => Assert.Throws<FormatException>(() => ProtoParser.Parse("t.proto", text));

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0x1a, 9 })]
    [InlineData(new byte[] { 0x1a, 1, (byte)'x' })]
    [InlineData(new byte[] { 0x32, 1, (byte)'x' })]
    public void WhatCannotBeAnsweredIsAnErrorWithTheQuestion(byte[] request)
    {
        var method = new ReflectionMethod("v1", new Lazy<ServerSchema>(Schema), () => []);
        var fields = TestTraces.Fields(method.Answer(request));
        Assert.Equal(request, fields[0]);
        Assert.Equal(8, fields[1][0]);
    }

    // A tiny reader of descriptors, by field numbers: name|package|Message(field=number:type…)
    private static string Describe(byte[] file)
    {
        var text = new StringBuilder();
        foreach (var (number, content, _) in ProtobufPeek.Read(file))
        {
            if (number is 1 or 2) text.Append(Encoding.UTF8.GetString(content)).Append('|');
            if (number == 4) DescribeMessage(content, text);
        }

        return text.ToString();
    }

    private static void DescribeMessage(byte[] message, StringBuilder text)
    {
        foreach (var (number, content, _) in ProtobufPeek.Read(message))
        {
            if (number == 1) text.Append(Encoding.UTF8.GetString(content)).Append('(');
            if (number != 2) continue;
            var field = ProtobufPeek.Read(content).ToDictionary(static f => f.Number);
            text.Append(Encoding.UTF8.GetString(field[1].Content)).Append('=').Append(field[3].Value).Append(':').Append(field[5].Value);
            if (field[4].Value == 3) text.Append('*');
            if (field.TryGetValue(6, out var type)) text.Append(Encoding.UTF8.GetString(type.Content));
        }

        text.Append(')');
    }
}
