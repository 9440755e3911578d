using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Host.Grpc.Reflection;

/// <summary>
/// A .proto file as protobuf describes itself (google/protobuf/descriptor.proto), of which this is what is written:
/// <code>
/// FileDescriptorProto    { name = 1; package = 2; dependency = 3; message_type = 4; enum_type = 5; service = 6; syntax = 12 }
/// DescriptorProto        { name = 1; field = 2; nested_type = 3; enum_type = 4; options = 7 { map_entry = 7 }; oneof_decl = 8 { name = 1 }
///                        }
/// FieldDescriptorProto   { name = 1; number = 3; label = 4; type = 5; type_name = 6; oneof_index = 9; json_name = 10 }
/// EnumDescriptorProto    { name = 1; value = 2 { name = 1; number = 2 } }
/// ServiceDescriptorProto { name = 1; method = 2 { name = 1; input_type = 2; output_type = 3; client_streaming = 5; server_streaming = 6 }
/// }
/// </code>
/// </summary>
/// <param name="types">Full names of all types that may be named, true for enums.</param>
internal readonly struct FileDescriptor(IReadOnlyDictionary<string, bool> types)
{
    private const int Optional = 1, Repeated = 3, MessageType = 11, EnumType = 14;

    private static readonly Dictionary<string, int> Scalars = new(StringComparer.Ordinal)
    {
        ["double"] = 1,
        ["float"] = 2,
        ["int64"] = 3,
        ["uint64"] = 4,
        ["int32"] = 5,
        ["fixed64"] = 6,
        ["fixed32"] = 7,
        ["bool"] = 8,
        ["string"] = 9,
        ["bytes"] = 12,
        ["uint32"] = 13,
    };

    public byte[] Write(ProtoFile file)
    {
        using var buffer = new NativeBuffer();
        var writer = new ProtobufWriter(buffer);
        writer.WriteText(Text(1), file.Name);
        writer.WriteText(Text(2), file.Package);
        foreach (var import in file.Imports) writer.WriteText(Text(3), import);
        foreach (var message in file.Messages) WriteMessage(writer, 4, message, file.Package);
        foreach (var declared in file.Enums) WriteEnum(writer, 5, declared);
        foreach (var service in file.Services) WriteService(writer, service, file.Package);
        writer.WriteText(Text(12), "proto3");
        return buffer.Written.ToArray();
    }

    /// <summary>Adds the full names of a file's types.</summary>
    public static void AddTypes(ProtoFile file, Dictionary<string, bool> types)
    {
        foreach (var message in file.Messages) AddTypes(message, file.Package, types);
        foreach (var declared in file.Enums) types.Add($"{file.Package}.{declared.Name}", true);
    }

    private static void AddTypes(ProtoMessage message, string scope, Dictionary<string, bool> types)
    {
        var name = $"{scope}.{message.Name}";
        types.Add(name, false);
        foreach (var inner in message.Messages) AddTypes(inner, name, types);
        foreach (var declared in message.Enums) types.Add($"{name}.{declared.Name}", true);
    }

    private void WriteMessage(ProtobufWriter writer, uint field, ProtoMessage message, string scope)
    {
        var start = writer.BeginMessage(Text(field));
        var name = $"{scope}.{message.Name}";
        writer.WriteText(Text(1), message.Name);
        foreach (var declared in message.Fields) WriteField(writer, declared, name);
        foreach (var inner in message.Messages) WriteMessage(writer, 3, inner, name);
        foreach (var declared in message.Enums) WriteEnum(writer, 4, declared);
        if (message.IsMapEntry)
        {
            var options = writer.BeginMessage(Text(7));
            writer.WriteBool(Number(7), true);
            writer.EndMessage(options);
        }

        foreach (var oneof in message.Oneofs)
        {
            var declaration = writer.BeginMessage(Text(8));
            writer.WriteText(Text(1), oneof);
            writer.EndMessage(declaration);
        }

        writer.EndMessage(start);
    }

    private void WriteField(ProtobufWriter writer, ProtoField field, string scope)
    {
        var start = writer.BeginMessage(Text(2));
        writer.WriteText(Text(1), field.Name);
        writer.WriteVarint(Number(3), (ulong)field.Number);
        writer.WriteVarint(Number(4), (ulong)(field.IsRepeated ? Repeated : Optional));
        if (Scalars.TryGetValue(field.Type, out var scalar))
        {
            writer.WriteVarint(Number(5), (ulong)scalar);
        }
        else
        {
            var type = Resolve(field.Type, scope);
            writer.WriteVarint(Number(5), (ulong)(types[type] ? EnumType : MessageType));
            writer.WriteText(Text(6), $".{type}");
        }

        if (field.Oneof >= 0) writer.WriteVarint(Number(9), (ulong)field.Oneof);
        writer.WriteText(Text(10), JsonName(field.Name));
        writer.EndMessage(start);
    }

    private static void WriteEnum(ProtobufWriter writer, uint field, ProtoEnum declared)
    {
        var start = writer.BeginMessage(Text(field));
        writer.WriteText(Text(1), declared.Name);
        foreach (var (name, number) in declared.Values)
        {
            var value = writer.BeginMessage(Text(2));
            writer.WriteText(Text(1), name);
            writer.WriteVarint(Number(2), (ulong)number);
            writer.EndMessage(value);
        }

        writer.EndMessage(start);
    }

    private void WriteService(ProtobufWriter writer, ProtoService service, string package)
    {
        var start = writer.BeginMessage(Text(6));
        writer.WriteText(Text(1), service.Name);
        foreach (var method in service.Methods)
        {
            var declaration = writer.BeginMessage(Text(2));
            writer.WriteText(Text(1), method.Name);
            writer.WriteText(Text(2), $".{Resolve(method.Input, package)}");
            writer.WriteText(Text(3), $".{Resolve(method.Output, package)}");
            if (method.IsInputStream) writer.WriteBool(Number(5), true);
            if (method.IsOutputStream) writer.WriteBool(Number(6), true);
            writer.EndMessage(declaration);
        }

        writer.EndMessage(start);
    }

    // From the innermost scope outward, as protobuf has it.
    private string Resolve(string type, string scope)
    {
        for (var at = scope; ; at = at[..Math.Max(0, at.LastIndexOf('.'))])
        {
            var name = at.Length == 0 ? type : $"{at}.{type}";
            if (types.ContainsKey(name)) return name;
            if (at.Length == 0) throw new FormatException($"there is no type {type}");
        }
    }

    private static string JsonName(string name)
    {
        var parts = name.Split('_');
        return parts[0] + string.Concat(
            parts.Skip(1).Select(static part => part.Length == 0 ? "" : char.ToUpperInvariant(part[0]) + part[1..]));
    }

    private static uint Text(uint field) => field << WireType.NumberShift | WireType.LengthDelimited;

    private static uint Number(uint field) => field << WireType.NumberShift | WireType.Varint;
}
