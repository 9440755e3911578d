using System.Globalization;

namespace Tempo.Host.Grpc.Reflection;

/// <summary>
/// Reads the .proto files of this project (proto3; no options, extensions or groups, which they do not have). What it does
/// not know throws <see cref="FormatException"/>: a test reads all files.
/// </summary>
internal sealed class ProtoParser
{
    private readonly List<string> _tokens;
    private readonly ProtoFile _file;
    private int _next;

    private ProtoParser(string name, string text)
    {
        _file = new ProtoFile(name);
        _tokens = Tokenize(text);
    }

    public static ProtoFile Parse(string name, string text)
    {
        var parser = new ProtoParser(name, text);
        parser.ReadFile();
        return parser._file;
    }

    private void ReadFile()
    {
        while (_next < _tokens.Count)
        {
            switch (Take())
            {
                case "syntax":
                    Expect("=");
                    Expect("\"proto3\"");
                    Expect(";");
                    break;
                case "package":
                    _file.Package = Take();
                    Expect(";");
                    break;
                case "import":
                    _file.Imports.Add(Take().Trim('"'));
                    Expect(";");
                    break;
                case "message":
                    _file.Messages.Add(ReadMessage());
                    break;
                case "enum":
                    _file.Enums.Add(ReadEnum());
                    break;
                case "service":
                    _file.Services.Add(ReadService());
                    break;
                default:
                    throw Unexpected();
            }
        }
    }

    private ProtoMessage ReadMessage()
    {
        var message = new ProtoMessage(Take());
        Expect("{");
        while (!TryTake("}"))
        {
            if (TryTake("message")) message.Messages.Add(ReadMessage());
            else if (TryTake("enum")) message.Enums.Add(ReadEnum());
            else if (TryTake("oneof")) ReadOneof(message);
            else ReadField(message, oneof: -1);
        }

        return message;
    }

    private void ReadOneof(ProtoMessage message)
    {
        message.Oneofs.Add(Take());
        Expect("{");
        while (!TryTake("}")) ReadField(message, message.Oneofs.Count - 1);
    }

    private void ReadField(ProtoMessage message, int oneof)
    {
        var isRepeated = TryTake("repeated");
        var type = Take();
        if (type == "map") (type, isRepeated) = (ReadMapTypes(message), true);
        var name = Take();
        Expect("=");
        var number = int.Parse(Take(), CultureInfo.InvariantCulture);
        Expect(";");
        if (type.Length == 0)
        {
            // The entries of a map are messages of a type of their own, named after the field.
            type = EntryName(name);
            message.Messages[^1] = message.Messages[^1] with { Name = type };
        }

        message.Fields.Add(new ProtoField(name, number, type, isRepeated, oneof));
    }

    private string ReadMapTypes(ProtoMessage message)
    {
        var entry = new ProtoMessage("") { IsMapEntry = true };
        Expect("<");
        entry.Fields.Add(new ProtoField("key", 1, Take(), false, -1));
        Expect(",");
        entry.Fields.Add(new ProtoField("value", 2, Take(), false, -1));
        Expect(">");
        message.Messages.Add(entry);
        return "";
    }

    private ProtoEnum ReadEnum()
    {
        var declared = new ProtoEnum(Take());
        Expect("{");
        while (!TryTake("}"))
        {
            var name = Take();
            Expect("=");
            declared.Values.Add((name, int.Parse(Take(), CultureInfo.InvariantCulture)));
            Expect(";");
        }

        return declared;
    }

    private ProtoService ReadService()
    {
        var service = new ProtoService(Take());
        Expect("{");
        while (!TryTake("}"))
        {
            Expect("rpc");
            var name = Take();
            var (input, isInputStream) = ReadStream();
            Expect("returns");
            var (output, isOutputStream) = ReadStream();
            Expect(";");
            service.Methods.Add(new ProtoMethod(name, input, isInputStream, output, isOutputStream));
        }

        return service;
    }

    private (string Type, bool IsStream) ReadStream()
    {
        Expect("(");
        var isStream = TryTake("stream");
        var type = Take();
        Expect(")");
        return (type, isStream);
    }

    // additional_metrics or additionalMetrics → AdditionalMetricsEntry.
    private static string EntryName(string field) =>
        string.Concat(field.Split('_').Select(static part => part.Length == 0 ? "" : char.ToUpperInvariant(part[0]) + part[1..])) + "Entry";

    private string Take() => _next < _tokens.Count ? _tokens[_next++] : throw new FormatException($"{_file.Name} ends too early");

    private bool TryTake(string token)
    {
        if (_next == _tokens.Count || _tokens[_next] != token) return false;
        _next++;
        return true;
    }

    private void Expect(string token)
    {
        if (Take() != token) throw Unexpected();
    }

    private FormatException Unexpected() =>
        new($"{_file.Name}: unexpected {_tokens[_next - 1]} behind {string.Join(' ', _tokens.Take(_next - 1).TakeLast(5))}");

    // Words (with dots), quoted words, and single signs; comments are left out.
    private static List<string> Tokenize(string text)
    {
        var tokens = new List<string>();
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            if (char.IsWhiteSpace(text[i])) i++;
            else if (text.AsSpan(i).StartsWith("//"))
            {
                while (i < text.Length && text[i] != '\n') i++;
            }
            else if (text[i] == '"')
            {
                i = text.IndexOf('"', i + 1) + 1;
                tokens.Add(text[start..i]);
            }
            else
            {
                while (i < text.Length && (char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '.')) i++;
                if (i == start) i++;
                tokens.Add(text[start..i]);
            }
        }

        return tokens;
    }
}
